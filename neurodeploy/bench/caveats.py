"""What the numbers of a comparison are not: said once, in the results themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.energy_records import Ann, EnergyEstimate
from neurodeploy.bench.ratios import QualityRelation
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts
from neurodeploy.passes.place import Fit


def caveats(
    program: Program,
    counts: Counts,
    snn: CountRecord,
    ann: Ann | None,
    energy: Sequence[EnergyEstimate],
    quality: QualityRelation,
) -> Iterable[str]:
    """Sentences for a reader, the general ones first."""
    yield (
        "Energies are estimates: exact operation counts times published prices. Nothing here was "
        "measured on a chip but what is listed as measured. Read two significant digits and the "
        "band, which takes prices to be off by a factor of two either way."
    )
    yield (
        "Estimates of different hardware differ in scope and technology and are not to be divided "
        "by each other. Ratios are given on one hardware at one precision by one model and one "
        "counting convention; one that was forced across any of them says so."
    )
    yield from _spread(energy)
    graded = [row.name for row in snn.layers if row.effective.graded]
    if graded and any(e.model == "device" and e.energy_j is not None for e in energy):
        yield (
            f"Graded messages ({', '.join(graded)}) are priced like binary ones on spiking chips, "
            "since no price of a graded synaptic operation is published."
        )
    if program.arithmetic == "real":
        yield "Counts are of the network in real arithmetic, before quantization for a chip."
    if counts.saturations:
        yield f"{counts.saturations} neuron updates overflowed their 24-bit state in this run."
    if ann is not None:
        yield from _about_ann(snn, ann, quality)


def misfits(fits: Mapping[str, Fit]) -> Iterable[str]:
    """Hardware that the network has no room on, by the limits that are known."""
    for name, fit in fits.items():
        if not fit.fits:
            reasons = "; ".join(reason.detail for reason in fit.reasons)
            yield (
                f"The network does not fit {name}: {reasons}. Its energy there is a count times "
                "prices, of no chip that could run it."
            )


def _spread(energy: Sequence[EnergyEstimate]) -> Iterable[str]:
    """How far models and precisions part on one technology, where there are several."""
    joules = [e.energy_j for e in energy if e.side == "snn" and e.energy_j and e.model in _CMOS]
    if len(joules) > 1:
        times = f"{max(joules) / min(joules):.2g}"
        yield (
            f"Models and precisions on one technology put the spiking network {times} times apart: "
            "quote the breakdown and the model, never a single figure."
        )


_CMOS: Final = ("arithmetic", "memory-aware")


def _about_ann(snn: CountRecord, ann: Ann, quality: QualityRelation) -> Iterable[str]:
    dense = snn.dense_macs // (snn.steps * snn.samples)
    if ann.counts.macs_per_step != dense:
        yield (
            f"The artificial network makes {float(ann.counts.macs_per_step):,.0f} MACs per pass "
            f"where the spiking one has {dense:,} connections: they are not the same layers."
        )
    if ann.counts.uncounted:
        yield (
            f"The artificial network's energies are without {', '.join(ann.counts.uncounted)}, "
            "which is not counted: they, and the ratios to them, are lower bounds."
        )
    if ann.derived:
        yield (
            "The artificial network is derived, counted and not trained: nobody knows whether it "
            "would reach the same quality, and its effective counts are those of these weights."
        )
    elif quality.relation == "unknown":
        yield "Quality of one of the two networks is unknown: energies alone decide nothing."
