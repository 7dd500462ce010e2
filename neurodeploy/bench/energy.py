"""Energy estimates: counts times prices, per layer, per inference.

Spiking hardware (per-term prices, for instance Davies et al. 2018):
    E = synaptic_operations e_synop + neuron_updates e_update + spikes e_spike (+ P_static T dt)
An all-in price of a synaptic operation takes no further terms.
CMOS, arithmetic alone (Horowitz 2014):
    E_snn = ACs e_ac + MACs e_mac + neuron_updates (multiplies e_mul + (adds + compares) e_add)
    E_ann = MACs e_mac + (bias additions + activations) e_add
A synaptic operation on a graded message is a MAC. A price that is missing is listed, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from neurodeploy.bench.op_counts import CONVENTION, OpCounts
from neurodeploy.bench.results import EnergyEstimate, EnergyRatio, EnergyTerm
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware import Hardware, Quantity, weakest_evidence
from neurodeploy.ir.neurons import NEURON_MODELS, Cost
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts

BAND: Final = (0.5, 2.0)
"""Least sensitivity band: published figures for one chip differ by more (Loihi 23.6 to 35.5 pJ)."""


@dataclass(frozen=True)
class Precision:
    """Number format of a CMOS estimate: prefix of the MAC and AC prices, and of the state's."""

    name: str
    operations: str
    state: str
    text: str


PRECISIONS: Final = {
    p.name: p
    for p in (
        Precision("int8-acc32", "int8_acc32", "int32", "8-bit operands, 32-bit accumulator"),
        Precision("fp32", "fp32", "fp32", "32-bit floating point"),
        Precision("int8", "int8", "int32", "8-bit operands and accumulator, 32-bit state"),
        Precision("fp16", "fp16", "fp16", "16-bit floating point"),
        Precision("int32", "int32", "int32", "32-bit integers"),
    )
}
ON_CHIP: Final = "on-chip"


def estimate_spiking(program: Program, counts: Counts, hardware: Hardware) -> EnergyEstimate:
    """The spiking network on a spiking chip; energies per inference (per sample of the batch)."""
    synop = hardware.price("synaptic_operation")
    all_in = synop is not None and synop.scope == "all-in"
    terms = []
    for s in counts.synapses:
        count = s.synaptic_operations
        terms.append(_term(s.target, "synapses", "synaptic_operation", count, synop, counts.batch))
    if not all_in:
        for n in counts.neurons:
            update, spike = hardware.price("neuron_update"), hardware.price("spike")
            args = (n.name, "neurons", "neuron_update", n.neuron_updates)
            terms.append(_term(*args, update, counts.batch))
            terms.append(_term(n.name, "spikes", "spike", n.spikes, spike, counts.batch))
        static = hardware.price("static_power")
        if static is not None:
            terms.append(_static_term(static, program.dt, counts))
    missing = [] if all_in else ["messages between tiles (they depend on the placement)"]
    if not all_in and hardware.price("static_power") is None:
        missing.insert(0, "static power")
    missing.append("host, and input to and output from the chip")
    scope = "all-in" if all_in else "per-term"
    seconds = counts.steps * program.dt
    return _estimate("snn", hardware, ON_CHIP, scope, terms, missing, seconds)


def estimate_cmos_snn(
    program: Program, counts: Counts, hardware: Hardware, precision: Precision
) -> EnergyEstimate:
    """The spiking network as bare arithmetic: additions for spikes, MACs for graded messages."""
    terms = []
    for s in counts.synapses:
        op = "mac" if s.graded else "ac"
        price = hardware.price(f"{precision.operations}_{op}")
        terms.append(_term(s.target, "synapses", op, s.synaptic_operations, price, counts.batch))
    multiply = hardware.price(f"{precision.state}_multiply")
    add = hardware.price(f"{precision.state}_add")
    for n in counts.neurons:
        cost = neuron_cost(program, n.name)
        multiplies = n.neuron_updates * cost.multiplies
        adds = n.neuron_updates * (cost.adds + cost.compares)
        terms.append(_term(n.name, "neurons", "multiply", multiplies, multiply, counts.batch))
        terms.append(_term(n.name, "neurons", "add", adds, add, counts.batch))
    seconds = counts.steps * program.dt
    return _estimate("snn", hardware, precision.name, "per-term", terms, [_MEMORY], seconds)


def estimate_cmos_ann(
    ann: OpCounts,
    hardware: Hardware,
    precision: Precision,
    *,
    passes: int,
    zero_skipping: bool = False,
    inference_s: float | None = None,
) -> EnergyEstimate:
    """The artificial network as bare arithmetic, `passes` forward passes per inference.

    zero_skipping: hardware that leaves out products with a zero activation or weight.
    """
    mac = hardware.price(f"{precision.operations}_mac")
    add = hardware.price(f"{precision.state}_add")
    runs = ann.samples * ann.passes
    terms = []
    for layer in ann.layers:
        effective = layer.effective_macs + layer.effective_acs
        count = effective if zero_skipping else layer.dense_macs
        terms.append(_term(layer.module, "synapses", "mac", count, mac, runs, passes))
    adds = ann.element_adds
    terms.append(_term("biases, activations", "neurons", "add", adds, add, runs, passes))
    side = "ann-zero-skipping" if zero_skipping else "ann"
    missing = [_MEMORY] + [f"{op} ({calls} calls)" for op, calls in ann.uncounted.items()]
    return _estimate(side, hardware, precision.name, "per-term", terms, missing, inference_s)


_MEMORY: Final = "memory, data movement, leakage"


def neuron_cost(program: Program, name: str) -> Cost:
    """Arithmetic of one update of one neuron of a population."""
    neuron = program.neuron(name)
    return NEURON_MODELS[neuron.model].cost(neuron.params)


def energy_ratio(snn: EnergyEstimate, ann: EnergyEstimate, *, force: bool = False) -> EnergyRatio:
    """ann / snn; ConfigError across hardware, precision or convention unless `force`.

    The band is BAND around the ratio: a sensitivity to prices that are off by so much on one side.
    """
    problems = []
    for what in ("hardware", "precision", "convention"):
        ours, theirs = getattr(snn, what), getattr(ann, what)
        if ours != theirs and not force:
            detail = f"a ratio of {theirs!r} to {ours!r}"
            problems.append(Diagnostic(f"energy {what}", "unlike-energies", detail, _FORCE))
    if snn.energy_j is None or ann.energy_j is None or snn.energy_j <= 0:
        problems.append(Diagnostic("energy", "unpriced", "a side of the ratio has no energy"))
    if problems:
        raise ConfigError(problems)
    assert snn.energy_j is not None
    assert ann.energy_j is not None
    ratio = ann.energy_j / snn.energy_j
    low, high = (ratio * factor for factor in BAND)
    return EnergyRatio(snn.hardware, snn.precision, ann.side, ratio, low, high)


_FORCE: Final = "compare at one precision on one hardware, or force it"


def _static_term(power: Quantity, dt: float, counts: Counts) -> EnergyTerm:
    step = Quantity(
        power.value * dt,
        "J",
        power.source,
        power.evidence,
        power.scope,
        low=None if power.low is None else power.low * dt,
        high=None if power.high is None else power.high * dt,
    )
    # Samples of a batch run one after the other on a chip: each of them waits its own steps.
    count = counts.steps * counts.batch
    return _term("(chip)", "static", "static_power", count, step, counts.batch)


def _term(
    layer: str,
    group: str,
    term: str,
    count: int,
    price: Quantity | None,
    inferences: int,
    times: int = 1,
) -> EnergyTerm:
    total = count * times
    if price is None:
        return EnergyTerm(layer, group, term, total, None, None, None, None, "", "", "")
    low = price.value if price.low is None else price.low
    high = price.value if price.high is None else price.high
    each = total / inferences
    return EnergyTerm(
        layer=layer,
        group=group,
        term=term,
        count=total,
        price_j=price.value,
        energy_j=each * price.value,
        low_j=each * low * BAND[0],
        high_j=each * high * BAND[1],
        source=price.source,
        evidence=price.evidence,
        scope=price.scope,
    )


def _estimate(
    side: str,
    hardware: Hardware,
    precision: str,
    scope: str,
    terms: list[EnergyTerm],
    missing: list[str],
    seconds: float | None,
) -> EnergyEstimate:
    priced = [t for t in terms if t.energy_j is not None]
    unpriced = sorted({t.term for t in terms if t.energy_j is None and t.count})
    energy = sum(t.energy_j or 0.0 for t in priced) if priced else None
    return EnergyEstimate(
        side=side,
        hardware=hardware.name,
        precision=precision,
        model="CMOS arithmetic" if hardware.kind == "cmos" else f"device, {scope}",
        convention=CONVENTION,
        scope=scope,
        evidence=weakest_evidence(tuple(t.evidence for t in priced)),
        energy_j=energy,
        low_j=sum(t.low_j or 0.0 for t in priced) if priced else None,
        high_j=sum(t.high_j or 0.0 for t in priced) if priced else None,
        power_w=None if energy is None or not seconds else energy / seconds,
        terms=tuple(terms),
        missing=(*(f"{term.replace('_', ' ')}s" for term in unpriced), *missing),
    )
