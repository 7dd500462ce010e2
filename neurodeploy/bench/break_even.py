"""Break-even input rates: how rarely neurons must fire for the spiking network to cost less.

Per inference of T steps, with M connections that carry spikes at a mean rate r, G operations on
graded messages, U the energy of the neuron updates, N products that the artificial network's
hardware makes (all passes; without zeros if it skips them) and A the energy of its biases and
rectifiers:

    T r M (e_ac + e_w + e_s) + G (e_graded + e_w + e_s) + U = N (e_mac + e_w) + A

solved for r. e_w reads a weight, e_s reads and writes a membrane; arithmetic alone has neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from neurodeploy.bench.counting.convention import Convention
from neurodeploy.bench.counting.record import LayerCount
from neurodeploy.bench.energy_models.arithmetic import PRECISIONS, Precision
from neurodeploy.bench.energy_models.work import Work
from neurodeploy.bench.energy_records import BreakEven
from neurodeploy.hardware import Hardware

BUS_BITS: Final = 64
WEIGHT_BITS: Final = 8
STATE_BITS: Final = 24


@dataclass(frozen=True)
class Prices:
    """Joules of the artificial network's MAC, of an operation on a spike and on a graded message,
    of a weight read, and of a state read with its write."""

    mac_j: float
    ac_j: float
    graded_j: float = 0.0
    weight_j: float = 0.0
    state_j: float = 0.0


@dataclass(frozen=True)
class Amounts:
    """Of one inference. products: N above; graded: G; connections: M."""

    steps: int
    connections: int
    products: float
    graded: float = 0.0


def break_even_rate(prices: Prices, work: Amounts, neurons_j: float = 0.0) -> float:
    """r, spikes per source neuron and step; 0 if everything else alone costs more already.

    neurons_j: U - A.
    """
    ann = work.products * (prices.mac_j + prices.weight_j)
    graded = work.graded * (prices.graded_j + prices.weight_j + prices.state_j)
    spike = prices.ac_j + prices.weight_j + prices.state_j
    return max(0.0, (ann - graded - neurons_j) / (work.steps * work.connections * spike))


def break_even_lines(snn: Work, ann: Work, hardware: Sequence[Hardware]) -> tuple[BreakEven, ...]:
    """One line per CMOS precision and memory model, and one per spiking chip against CMOS.

    Empty if no connection carries spikes.
    """
    run = _Run.of(snn, ann)
    if run is None:
        return ()
    lines: list[BreakEven] = []
    for cmos in (h for h in hardware if h.kind == "cmos"):
        lines += _cmos_lines(run, cmos)
        for chip in (h for h in hardware if h.kind == "spiking"):
            lines += _chip_lines(run, chip, cmos)
    return tuple(lines)


@dataclass(frozen=True)
class _Run:
    """Both networks per inference; dense, effective: the artificial one's products; ann_adds: its
    bias additions and rectifier comparisons; rates: of the layers that spikes lead to."""

    steps: int
    connections: int
    dense: float
    effective: float
    graded: float
    rate: float
    updates: float
    multiplies: float
    adds: float
    ann_adds: float
    rates: dict[str, float]

    @classmethod
    def of(cls, snn: Work, ann: Work) -> _Run | None:
        """None if no connection carries spikes."""
        by, record = snn.record.convention, snn.record
        rows = [row for layer in snn.layers for row in layer.links if not row.taken(by).graded]
        dense = sum(row.dense(by) for row in rows)
        if not dense:
            return None
        cells = [row for layer in snn.layers for row in layer.cells]
        graded = record.synaptic_operations - sum(_operations(rows, by))
        products = ann.record.effective_macs + ann.record.effective_acs
        return cls(
            steps=record.steps,
            connections=dense // (record.steps * record.samples),
            dense=float(ann.record.dense_macs * ann.times),
            effective=float(products * ann.times),
            graded=float(graded * snn.times),
            rate=sum(_operations(rows, by)) / dense,
            updates=float(sum(row.updates for row in cells) * snn.times),
            multiplies=float(sum(row.multiplies for row in cells) * snn.times),
            adds=float(sum(row.adds + row.compares for row in cells) * snn.times),
            ann_adds=float(ann.record.element_adds * ann.times),
            rates=dict(_layer_rates(snn)),
        )


def _operations(rows: Iterable[LayerCount], by: Convention) -> Iterator[int]:
    return (row.taken(by).synaptic_operations for row in rows)


def _layer_rates(snn: Work) -> Iterator[tuple[str, float]]:
    """Mean input rate of each layer that spikes and nothing else lead to."""
    by = snn.record.convention
    for layer in snn.layers:
        graded = any(row.taken(by).graded for row in layer.links)
        dense = sum(row.dense(by) for row in layer.links)
        if dense and not graded:
            yield layer.name, sum(_operations(layer.links, by)) / dense


def _cmos_lines(run: _Run, cmos: Hardware) -> list[BreakEven]:
    lines = []
    for name in ("fp32", "int8", "int8-acc32"):
        prices = _arithmetic(cmos, PRECISIONS[name])
        if prices is not None:
            neurons = _neurons_j(run, cmos, PRECISIONS[name], 0.0)
            label = f"{name}, arithmetic alone"
            lines.append(_line(label, cmos.name, name, run, prices, neurons, _sources(cmos)))
    memory = _with_memory(cmos)
    if memory is not None:
        name = "int8-acc32"
        neurons = _neurons_j(run, cmos, PRECISIONS[name], memory.state_j)
        for skips, text in ((False, ""), (True, ", zero-skipping ANN")):
            at = (f"{name}, with memory{text}", cmos.name, name, run, memory, neurons)
            lines.append(_line(*at, _sources(cmos), skips=skips))
    return lines


def _chip_lines(run: _Run, chip: Hardware, cmos: Hardware) -> list[BreakEven]:
    """A chip prices no MAC: the other side is the 8-bit network on CMOS, with its weight reads."""
    synop, update = chip.price("synaptic_operation"), chip.price("neuron_update")
    memory = _with_memory(cmos)
    if synop is None or memory is None:
        return []
    prices = Prices(memory.mac_j + memory.weight_j, synop.value, graded_j=synop.value)
    add = cmos.price(f"{PRECISIONS['int8-acc32'].state}_add")
    each = 0.0 if synop.scope == "all-in" else None if update is None else update.value
    neurons: float | None = None
    if each is not None and add is not None:
        neurons = run.updates * each - run.ann_adds * add.value
    label = f"{chip.name} against an 8-bit ANN on {cmos.name} with memory"
    place = f"{chip.name} / {cmos.name}"
    return [_line(label, place, "int8", run, prices, neurons, (synop.source, *_sources(cmos)))]


def _line(
    label: str,
    place: str,
    precision: str,
    run: _Run,
    prices: Prices,
    neurons_j: float | None,
    sources: tuple[str, ...],
    skips: bool = False,
) -> BreakEven:
    products = run.effective if skips else run.dense
    work = Amounts(run.steps, run.connections, products, run.graded)
    rate = break_even_rate(prices, work)
    return BreakEven(
        name=label,
        hardware=place,
        precision=precision,
        formula=_formula(prices, work),
        rate=rate,
        rate_with_neurons=None if neurons_j is None else break_even_rate(prices, work, neurons_j),
        network_rate=run.rate,
        margins={layer: rate / own for layer, own in run.rates.items() if own},
        sources=sources,
    )


def _formula(prices: Prices, work: Amounts) -> str:
    above = f"{work.products:,.0f} × {_sum_pj(prices.mac_j, prices.weight_j)}"
    if work.graded:
        each = _sum_pj(prices.graded_j, prices.weight_j, prices.state_j)
        above = f"({above} - {work.graded:,.0f} × {each})"
    each = _sum_pj(prices.ac_j, prices.weight_j, prices.state_j)
    return f"{above} / ({work.steps} × {work.connections:,} × {each})"


def _arithmetic(cmos: Hardware, precision: Precision) -> Prices | None:
    mac = cmos.price(f"{precision.operations}_mac")
    ac = cmos.price(f"{precision.operations}_ac")
    return None if mac is None or ac is None else Prices(mac.value, ac.value, graded_j=mac.value)


def _with_memory(cmos: Hardware) -> Prices | None:
    """8-bit weights and 24-bit membranes in an 8 KB SRAM behind a 64-bit bus."""
    arithmetic, sram = _arithmetic(cmos, PRECISIONS["int8-acc32"]), cmos.price("sram_8kb_64bit")
    if arithmetic is None or sram is None:
        return None
    weight = sram.value * WEIGHT_BITS / BUS_BITS
    state = 2 * sram.value * STATE_BITS / BUS_BITS
    return Prices(arithmetic.mac_j, arithmetic.ac_j, arithmetic.graded_j, weight, state)


def _neurons_j(run: _Run, cmos: Hardware, precision: Precision, state_j: float) -> float | None:
    """U - A, both on the same CMOS at the same precision; None if it has no price."""
    multiply, add = cmos.price(f"{precision.state}_multiply"), cmos.price(f"{precision.state}_add")
    if multiply is None or add is None:
        return None
    adds = run.adds - run.ann_adds
    return run.multiplies * multiply.value + adds * add.value + run.updates * state_j


def _sources(cmos: Hardware) -> tuple[str, ...]:
    terms = ("int8_multiply", "fp32_multiply")
    found = [price.source for term in terms if (price := cmos.price(term)) is not None]
    return tuple(dict.fromkeys(found))


def _picojoules(joules: float) -> str:
    value = joules * 1e12
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _sum_pj(*joules: float) -> str:
    terms = [_picojoules(j) for j in joules if j]
    return terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"
