"""A counted run beside its artificial counterpart on every hardware: values in, `Results` out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from neurodeploy.agreement import Difference
from neurodeploy.bench.break_even import break_even_lines
from neurodeploy.bench.caveats import caveats, misfits
from neurodeploy.bench.chip_runs import chip_runs, traffic_of
from neurodeploy.bench.counting.convention import DEFAULT
from neurodeploy.bench.energy_models import ENERGY_MODELS, Work, ann_work
from neurodeploy.bench.energy_models.lemaire import WORD_BYTES
from neurodeploy.bench.energy_records import (
    Ann,
    Bottleneck,
    EnergyEstimate,
    EnergyRatio,
    Intensity,
    Measurement,
    Model,
    OperatingPoint,
    Swing,
)
from neurodeploy.bench.network_rows import layer_rows, network_row
from neurodeploy.bench.proxies import proxies
from neurodeploy.bench.ratios import asked_ratio, like_ratios, quality_relation
from neurodeploy.bench.results import HardwareRecord, Provenance, Quality, Raster, Results
from neurodeploy.bench.sensitivity import tornado
from neurodeploy.bench.spiking_work import spiking_work
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts
from neurodeploy.passes.place import Fit
from neurodeploy.passes.quantize import reports_of


@dataclass(frozen=True)
class Beside:
    """What else is known of a run. latency_s: of the whole chain, for the N-DNS proxy."""

    agreement: tuple[Difference, ...] = ()
    quality: tuple[Quality, ...] = ()
    raster: tuple[Raster, ...] = ()
    measured: tuple[Measurement, ...] = ()
    points: tuple[OperatingPoint, ...] = ()
    fits: Mapping[str, Fit] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    latency_s: float | None = None


def compare(
    program: Program,
    counts: Counts,
    hardware: Sequence[Hardware],
    *,
    provenance: Provenance,
    ann: Ann | None = None,
    beside: Beside | None = None,
    ratios: Iterable[str] = (),
    force: bool = False,
    title: str = "",
) -> Results:
    """Everything that a report shows about one run; a pure function of its arguments.

    ann: the artificial network's counts, and how many of its passes do the work of one inference (1
    for a still input shown T steps, T for a stream with an answer every step). ratios: pairs to
    divide besides those that are alike, see `asked_ratio`; force: also where they are not. Raises
    ConfigError for counts of another convention, passes below 1 and ratios that are refused.
    """
    beside = beside or Beside()
    _check(ann)
    snn = spiking_work(program, counts, traffic_of(beside.fits, counts))
    works = [snn] if ann is None else [snn, _ann_side(ann, snn)]
    energy = tuple(e for chip in hardware for e in _estimates(works, chip))
    quality = quality_relation(beside.quality)
    found, refused = like_ratios(energy, quality, force=force)
    found += tuple(asked_ratio(text, energy, quality, force=force) for text in ratios)
    return Results(
        title=title or program.name,
        provenance=provenance,
        convention=DEFAULT.id,
        convention_text=DEFAULT.text,
        network=network_row(program, counts, ann, beside.notes),
        layers=tuple(layer_rows(program, counts)),
        energy=energy,
        ratios=found,
        break_even=break_even_lines(works[0], works[1], hardware) if len(works) == 2 else (),
        hardware=tuple(map(_record, hardware)),
        models=tuple(Model(name, model.text) for name, model in ENERGY_MODELS.items()),
        counts=snn.record,
        ann=ann,
        tornado=_swings(found, energy),
        bottlenecks=tuple(_bottlenecks(energy)),
        chips=chip_runs(beside.fits, hardware, energy, program.dt, counts.steps),
        proxies=proxies(snn.record, program.dt, beside.latency_s),
        refused=refused,
        measured=beside.measured,
        points=beside.points,
        roofline=tuple(_intensities(works, energy)),
        rounding=reports_of(program),
        agreement=beside.agreement,
        quality=beside.quality,
        raster=beside.raster,
        caveats=(
            *caveats(program, counts, snn.record, ann, energy, quality),
            *misfits(beside.fits),
        ),
    )


def _check(ann: Ann | None) -> None:
    if ann is None:
        return
    problems = []
    if ann.counts.convention != DEFAULT:
        theirs = ann.counts.convention.id
        detail = f"the artificial network was counted by {theirs!r}, not {DEFAULT.id!r}"
        problems.append(Diagnostic("ann", "unlike-counts", detail, "count it again"))
    if ann.passes < 1:
        problems.append(Diagnostic("ann passes", "range", f"{ann.passes} is not at least 1"))
    if problems:
        raise ConfigError(problems)


def _ann_side(ann: Ann, snn: Work) -> Work:
    """The rows of a derived network belong to the layers of the spiking one."""
    work = ann_work(ann.counts, ann.passes, snn.inference_s)
    return replace(work, layer_of=snn.layer_of) if ann.derived else work


def _estimates(works: Iterable[Work], chip: Hardware) -> Iterable[EnergyEstimate]:
    for model in ENERGY_MODELS.values():
        for work in works:
            yield from model(work, chip)


def _swings(ratios: Iterable[EnergyRatio], energy: Sequence[EnergyEstimate]) -> tuple[Swing, ...]:
    """A tornado for every ratio to the dense artificial network."""
    by = {(e.side, e.hardware, e.model, e.precision): e for e in energy}
    swings: list[Swing] = []
    for r in ratios:
        if r.ann == "ann" and not r.against:
            ann, snn = (by[side, r.hardware, r.model, r.precision] for side in ("ann", "snn"))
            swings += tornado(ann, snn)
    return tuple(swings)


def _bottlenecks(energy: Iterable[EnergyEstimate]) -> Iterable[Bottleneck]:
    """The layer with the largest part of each spiking estimate."""
    for e in energy:
        if e.side != "snn" or not e.energy_j:
            continue
        layers: dict[str, float] = {}
        for t in e.terms:
            layers[t.layer] = layers.get(t.layer, 0.0) + (t.energy_j or 0.0)
        layer = max(layers, key=lambda name: layers[name])
        yield Bottleneck(e.hardware, e.model, e.precision, layer, layers[layer] / e.energy_j)


def _intensities(works: Iterable[Work], energy: Iterable[EnergyEstimate]) -> Iterable[Intensity]:
    """Operations and bytes of every layer of the memory-aware estimates, per inference."""
    times = {work.side: float(work.times) for work in works}
    for e in (e for e in energy if e.model == "memory-aware"):
        for layer in dict.fromkeys(t.layer for t in e.terms):
            terms = [t for t in e.terms if t.layer == layer]
            operations = sum(t.count for t in terms if t.group == "synapses") * times[e.side]
            words = sum(t.count for t in terms if t.term.endswith(("read", "write")))
            joules = sum(t.energy_j or 0.0 for t in terms)
            if operations and words:
                moved = WORD_BYTES * words * times[e.side]
                yield Intensity(e.side, layer, operations, moved, joules)


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
