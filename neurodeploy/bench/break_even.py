"""Break-even input rates: how rarely neurons must fire for the spiking network to cost less.

With M connections, T steps, P passes of the artificial network and U neuron updates per inference,
and d the part of products that the artificial network's hardware really makes:

    T r M (e_ac + e_w + e_s) + U e_u = P d M (e_mac + e_w)
    r* = (P d (e_mac + e_w) - U e_u / M) / (T (e_ac + e_w + e_s))

e_w reads a weight, e_s reads and writes a membrane, e_u updates a neuron; arithmetic alone has
e_w = e_s = 0. Only connections that carry spikes are meant: graded ones are MACs on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from neurodeploy.bench.energy import PRECISIONS, Precision, neuron_cost
from neurodeploy.bench.results import BreakEven
from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts

BUS_BITS: Final = 64
WEIGHT_BITS: Final = 8
STATE_BITS: Final = 24


@dataclass(frozen=True)
class Prices:
    """Joules of one MAC, one spike's addition, a weight read, a state read and write."""

    mac_j: float
    ac_j: float
    weight_j: float = 0.0
    state_j: float = 0.0


def break_even_rate(
    prices: Prices,
    steps: int,
    *,
    passes: int = 1,
    density: float = 1.0,
    neurons_j_per_connection: float = 0.0,
) -> float:
    """r*, spikes per source neuron and step; 0 if the neuron updates alone cost more."""
    ann = passes * density * (prices.mac_j + prices.weight_j) - neurons_j_per_connection
    return max(0.0, ann / (steps * (prices.ac_j + prices.weight_j + prices.state_j)))


@dataclass(frozen=True)
class _Run:
    """What the rates of one run need: per inference, over connections that carry spikes."""

    steps: int
    passes: int
    connections: int
    rate: float | None
    updates: dict[str, int]


def break_even_lines(
    program: Program,
    counts: Counts,
    hardware: tuple[Hardware, ...],
    *,
    passes: int,
    density: float | None,
) -> tuple[BreakEven, ...]:
    """One line per CMOS precision and memory model, and one per spiking chip against CMOS.

    density: effective / dense operations of the artificial network (None: no zero-skipping line).
    Empty if no connection carries spikes.
    """
    spiking = [s for s in counts.synapses if not s.graded]
    connections = sum(s.dense_operations for s in spiking) // (counts.steps * counts.batch)
    if not connections:
        return ()
    operations = sum(s.synaptic_operations for s in spiking)
    run = _Run(
        steps=counts.steps,
        passes=passes,
        connections=connections,
        rate=operations / sum(s.dense_operations for s in spiking),
        updates={n.name: n.neuron_updates // counts.batch for n in counts.neurons},
    )
    lines: list[BreakEven] = []
    for cmos in (h for h in hardware if h.kind == "cmos"):
        lines += _cmos_lines(program, run, cmos, density)
        for chip in (h for h in hardware if h.kind == "spiking"):
            lines += _chip_lines(run, chip, cmos)
    return tuple(lines)


def _cmos_lines(
    program: Program, run: _Run, cmos: Hardware, density: float | None
) -> list[BreakEven]:
    lines = []
    for name in ("fp32", "int8", "int8-acc32"):
        precision = PRECISIONS[name]
        prices = _arithmetic(cmos, precision)
        if prices is not None:
            neurons = _neurons_j(program, run, cmos, precision, 0.0)
            label = f"{name}, arithmetic alone"
            lines.append(_line(label, cmos.name, name, run, prices, neurons, _sources(cmos)))
    memory = _with_memory(cmos)
    if memory is not None:
        precision = PRECISIONS["int8-acc32"]
        neurons = _neurons_j(program, run, cmos, precision, memory.state_j)
        options = [("with memory", 1.0)]
        if density is not None:
            options.append(("with memory, zero-skipping ANN", density))
        for text, part in options:
            label = f"int8-acc32, {text}"
            at = (label, cmos.name, "int8-acc32", run, memory, neurons, _sources(cmos))
            lines.append(_line(*at, density=part))
    return lines


def _chip_lines(run: _Run, chip: Hardware, cmos: Hardware) -> list[BreakEven]:
    """A chip prices no MAC: the other side is the 8-bit network on CMOS, with its weight reads."""
    synop, update = chip.price("synaptic_operation"), chip.price("neuron_update")
    memory = _with_memory(cmos)
    if synop is None or memory is None:
        return []
    prices = Prices(memory.mac_j + memory.weight_j, synop.value)
    all_in = synop.scope == "all-in" or update is None
    neurons = 0.0 if all_in or update is None else sum(run.updates.values()) * update.value
    label = f"{chip.name} against int8-acc32 ANN on {cmos.name} with memory"
    place = f"{chip.name} / {cmos.name}"
    return [_line(label, place, "int8", run, prices, neurons, (synop.source, *_sources(cmos)))]


def _line(
    label: str,
    place: str,
    precision: str,
    run: _Run,
    prices: Prices,
    neurons_j: float,
    sources: tuple[str, ...],
    density: float = 1.0,
) -> BreakEven:
    part = "" if density == 1.0 else f" × {density:.2g}"
    above = f"{run.passes}{part} × {_sum_pj(prices.mac_j, prices.weight_j)}"
    below = f"{run.steps} × {_sum_pj(prices.ac_j, prices.weight_j, prices.state_j)}"
    return BreakEven(
        name=label,
        hardware=place,
        precision=precision,
        formula=f"{above} / ({below})",
        rate=break_even_rate(prices, run.steps, passes=run.passes, density=density),
        rate_with_neurons=break_even_rate(
            prices,
            run.steps,
            passes=run.passes,
            density=density,
            neurons_j_per_connection=neurons_j / run.connections,
        ),
        network_rate=run.rate,
        sources=sources,
    )


def _arithmetic(cmos: Hardware, precision: Precision) -> Prices | None:
    mac = cmos.price(f"{precision.operations}_mac")
    ac = cmos.price(f"{precision.operations}_ac")
    return None if mac is None or ac is None else Prices(mac.value, ac.value)


def _with_memory(cmos: Hardware) -> Prices | None:
    """8-bit weights and 24-bit membranes in an 8 KB SRAM behind a 64-bit bus."""
    arithmetic, sram = _arithmetic(cmos, PRECISIONS["int8-acc32"]), cmos.price("sram_8kb_64bit")
    if arithmetic is None or sram is None:
        return None
    weight = sram.value * WEIGHT_BITS / BUS_BITS
    state = 2 * sram.value * STATE_BITS / BUS_BITS
    return Prices(arithmetic.mac_j, arithmetic.ac_j, weight, state)


def _neurons_j(
    program: Program, run: _Run, cmos: Hardware, precision: Precision, state_j: float
) -> float:
    multiply, add = cmos.price(f"{precision.state}_multiply"), cmos.price(f"{precision.state}_add")
    if multiply is None or add is None:
        return 0.0
    total = 0.0
    for name, updates in run.updates.items():
        cost = neuron_cost(program, name)
        arithmetic = cost.multiplies * multiply.value + (cost.adds + cost.compares) * add.value
        total += updates * (arithmetic + state_j)
    return total


def _sources(cmos: Hardware) -> tuple[str, ...]:
    terms = ("int8_multiply", "fp32_multiply")
    found = [price.source for term in terms if (price := cmos.price(term)) is not None]
    return tuple(dict.fromkeys(found))


def _sum_pj(*joules: float) -> str:
    terms = [f"{j * 1e12:.3g}" for j in joules if j]
    return terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"
