"""Puts a counted run beside its artificial twin on every hardware: values in, `Results` out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from neurodeploy.agreement import Difference
from neurodeploy.bench.break_even import break_even_lines
from neurodeploy.bench.energy import (
    PRECISIONS,
    energy_ratio,
    estimate_cmos_ann,
    estimate_cmos_snn,
    estimate_spiking,
)
from neurodeploy.bench.op_counts import CONVENTION, CONVENTION_TEXT, OpCounts
from neurodeploy.bench.results import (
    BreakEven,
    EnergyEstimate,
    EnergyRatio,
    HardwareRecord,
    LayerResult,
    Network,
    Provenance,
    Quality,
    Raster,
    Results,
)
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts
from neurodeploy.passes.quantize import reports_of

CMOS_PRECISIONS: Final = ("int8-acc32", "fp32", "int8")


def compare(
    program: Program,
    counts: Counts,
    hardware: Sequence[Hardware],
    *,
    provenance: Provenance,
    ann: OpCounts | None = None,
    ann_passes: int | None = None,
    agreement: Iterable[Difference] = (),
    quality: Iterable[Quality] = (),
    raster: Iterable[Raster] = (),
    title: str = "",
    notes: Iterable[str] = (),
) -> Results:
    """Everything that a report shows about one run; a pure function of its arguments.

    ann: operation counts of the artificial network; ann_passes: how many of its passes do the work
    of one inference (1 for a still input shown T steps, T for a stream with an answer every step).
    Raises ConfigError for counts of another convention, or an `ann` without `ann_passes`.
    """
    _check(ann, ann_passes)
    layers = tuple(_layers(program, counts))
    energy = _estimates(program, counts, hardware, ann, ann_passes)
    lines: tuple[BreakEven, ...] = ()
    if ann is not None and ann_passes is not None:
        lines = break_even_lines(program, counts, tuple(hardware), ann=ann, passes=ann_passes)
    return Results(
        title=title or program.name,
        provenance=provenance,
        convention=CONVENTION,
        convention_text=CONVENTION_TEXT,
        network=_network(program, counts, ann_passes, tuple(notes)),
        layers=layers,
        energy=energy,
        ratios=_ratios(energy),
        break_even=lines,
        hardware=tuple(_record(h) for h in hardware),
        ann=ann,
        rounding=reports_of(program),
        agreement=tuple(agreement),
        quality=tuple(quality),
        raster=tuple(raster),
        caveats=tuple(_caveats(program, counts, ann, energy)),
    )


def _check(ann: OpCounts | None, ann_passes: int | None) -> None:
    problems = []
    if ann is not None and ann.convention != CONVENTION:
        detail = f"the artificial network was counted by {ann.convention!r}, not {CONVENTION!r}"
        problems.append(Diagnostic("ann", "unlike-counts", detail, "count it again"))
    if ann is not None and ann_passes is None:
        hint = "1 for a still input, the number of steps for a stream"
        problems.append(Diagnostic("ann_passes", "missing", "passes per inference unknown", hint))
    if ann_passes is not None and ann_passes < 1:
        problems.append(Diagnostic("ann_passes", "range", f"{ann_passes} is not at least 1"))
    if problems:
        raise ConfigError(problems)


def _network(
    program: Program, counts: Counts, ann_passes: int | None, notes: tuple[str, ...]
) -> Network:
    dense = sum(s.dense_operations for s in counts.synapses)
    return Network(
        name=program.name,
        arithmetic=program.arithmetic,
        dt_s=program.dt,
        steps=counts.steps,
        batch=counts.batch,
        inputs={port.name: port.shape for port in program.inputs},
        outputs=program.outputs,
        neurons=sum(n.size for n in counts.neurons),
        weights=sum(int(s.weight_values.size) for s in program.synapses),
        connections=dense // (counts.steps * counts.batch),
        ann_passes=ann_passes,
        notes=notes,
    )


def _layers(program: Program, counts: Counts) -> Iterable[LayerResult]:
    by_name = {n.name: n for n in counts.neurons}
    for name in program.order:
        neuron = by_name[name]
        incoming = [s for s in counts.synapses if s.target == name]
        dense = sum(s.dense_operations for s in incoming)
        operations = sum(s.synaptic_operations for s in incoming)
        kinds = sorted({"graded" if s.graded else "binary" for s in incoming})
        rate = operations / dense if dense else None
        yield LayerResult(
            name=name,
            model=neuron.model,
            size=neuron.size,
            synapses=tuple(s.name for s in incoming),
            connections=dense // (counts.steps * counts.batch),
            messages="mixed" if len(kinds) > 1 else "".join(kinds),
            synaptic_operations=operations,
            neuron_updates=neuron.neuron_updates,
            spikes=neuron.spikes,
            saturations=neuron.saturations,
            input_rate=rate,
            rate=None if program.is_graded(name) else neuron.spikes / neuron.neuron_updates,
            spikes_per_synapse=None if rate is None else rate * counts.steps,
        )


def _estimates(
    program: Program,
    counts: Counts,
    hardware: Sequence[Hardware],
    ann: OpCounts | None,
    ann_passes: int | None,
) -> tuple[EnergyEstimate, ...]:
    found = []
    for chip in hardware:
        if chip.kind == "spiking":
            found.append(estimate_spiking(program, counts, chip))
        if chip.kind != "cmos":
            continue
        for precision in (PRECISIONS[name] for name in CMOS_PRECISIONS):
            found.append(estimate_cmos_snn(program, counts, chip, precision))
            if ann is None or ann_passes is None:
                continue
            seconds = counts.steps * program.dt
            for zero_skipping in (False, True):
                found.append(
                    estimate_cmos_ann(
                        ann,
                        chip,
                        precision,
                        passes=ann_passes,
                        zero_skipping=zero_skipping,
                        inference_s=seconds,
                    )
                )
    return tuple(found)


def _ratios(energy: Sequence[EnergyEstimate]) -> tuple[EnergyRatio, ...]:
    """Every artificial estimate over the spiking one of its hardware and precision."""
    spiking = {(e.hardware, e.precision): e for e in energy if e.side == "snn" and e.energy_j}
    return tuple(
        energy_ratio(spiking[key], e)
        for e in energy
        if e.side != "snn" and (key := (e.hardware, e.precision)) in spiking and e.energy_j
    )


def _record(chip: Hardware) -> HardwareRecord:
    return HardwareRecord(
        name=chip.name,
        title=chip.title,
        kind=chip.kind,
        note=chip.note,
        prices=dict(chip.prices),
        references=dict(chip.references),
        unpriced=chip.unpriced,
    )


def _caveats(
    program: Program,
    counts: Counts,
    ann: OpCounts | None,
    energy: Sequence[EnergyEstimate],
) -> Iterable[str]:
    yield (
        "Energies are estimates: exact operation counts times published prices. Nothing here was "
        "measured on a chip. Read two significant digits and the band, which takes prices to be "
        "off by a factor of two either way."
    )
    yield (
        "Estimates of different hardware differ in scope and technology and are not to be divided "
        "by each other. Ratios are given only on one hardware at one precision and one counting "
        "convention."
    )
    graded = [s.name for s in counts.synapses if s.graded and s.synaptic_operations]
    if graded and any(e.model.startswith("device") and e.energy_j is not None for e in energy):
        yield (
            f"Graded messages ({', '.join(graded)}) are priced like binary ones on spiking chips, "
            "since no price of a graded synaptic operation is published."
        )
    if program.arithmetic == "real":
        yield "Counts are of the network in real arithmetic, before quantization for a chip."
    if counts.saturations:
        yield f"{counts.saturations} neuron updates overflowed their 24-bit state in this run."
    if ann is not None:
        dense = sum(s.dense_operations for s in counts.synapses) // (counts.steps * counts.batch)
        if ann.macs_per_pass != dense:
            yield (
                f"The artificial network makes {float(ann.macs_per_pass):,.0f} MACs per pass where "
                f"the spiking one has {dense:,} connections: they are not the same layers (folded "
                "pooling or recurrent connections, for instance)."
            )
        yield (
            "The artificial network is counted, not trained: whether it would reach the same "
            "quality is not shown unless the quality table lists it."
        )
