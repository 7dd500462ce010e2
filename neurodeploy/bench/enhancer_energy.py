"""Energy of an enhancer per second of audio, by the energy bench's own models and prices.

Estimates, never measured: exact counts times published prices, each with its source and what it
leaves out. What runs as a Program is priced on every hardware, with the messages between cores of
its placement where it fits; what runs in torch (layer norms, gates, graded values) on 45 nm CMOS
and on processors alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from neurodeploy.bench.chip_runs import traffic_of
from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.energy_models import ENERGY_MODELS, Work
from neurodeploy.bench.energy_records import EnergyEstimate, SecondEnergy
from neurodeploy.bench.enhancer_work import populations
from neurodeploy.bench.spiking_work import spiking_work
from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts
from neurodeploy.ir.trace_file import SavedTrace
from neurodeploy.passes.place import Fit, fit
from neurodeploy.passes.place.load import saved_rates


def program_fits(program: Program, counts: Counts, chips: Sequence[Hardware]) -> dict[str, Fit]:
    """The Program placed on every chip whose limits are known, at the mean rates of a run."""
    rates = saved_rates(program, SavedTrace({}, counts))
    known = [chip for chip in chips if chip.kind == "spiking" and chip.limits]
    return {chip.name: fit(program, chip, rates=rates) for chip in known}


def program_energy(
    program: Program, counts: Counts, chips: Sequence[Hardware], fits: Mapping[str, Fit]
) -> list[SecondEnergy]:
    """Of a run of a Program on one stream."""
    return second_energies(spiking_work(program, counts, traffic_of(fits, counts)), chips)


def torch_energy(
    record: CountRecord, dt: float, chips: Sequence[Hardware], *, spiking: bool
) -> list[SecondEnergy]:
    """Of a record of `bench.enhancer_work`; spiking: by events, else dense and without zeros."""
    return second_energies(
        torch_work(record, dt, spiking=spiking), [chip for chip in chips if chip.kind != "spiking"]
    )


def torch_work(record: CountRecord, dt: float, *, spiking: bool) -> Work:
    """What a record of one stream, `dt` seconds a step, is to the energy models."""
    side = "snn" if spiking else "ann"
    seconds = record.steps * dt
    return Work(side, record, Fraction(1, record.samples), seconds, populations(record))


def second_energies(work: Work, chips: Sequence[Hardware]) -> list[SecondEnergy]:
    """By every model that prices such work; it must know its seconds."""
    assert work.inference_s is not None
    found = [e for chip in chips for m in ENERGY_MODELS.values() for e in m(work, chip)]
    return [_per_second(e, work.inference_s) for e in found]


def together(parts: Sequence[Sequence[SecondEnergy]]) -> list[SecondEnergy]:
    """Of a network whose parts are priced apart, where all have a price; the first part's side."""
    if not parts:
        return []
    places = [{(e.hardware, e.model, e.precision): e for e in part} for part in parts]
    shared = [place for place in places[0] if all(place in other for other in places)]
    return [_sum([part[place] for part in places]) for place in shared]


def _sum(parts: Sequence[SecondEnergy]) -> SecondEnergy:
    def total(joules: Sequence[float | None]) -> float | None:
        known = [j for j in joules if j is not None]
        return sum(known) if len(known) == len(joules) else None

    return replace(
        parts[0],
        energy_j=total([e.energy_j for e in parts]),
        low_j=total([e.low_j for e in parts]),
        high_j=total([e.high_j for e in parts]),
        sources=tuple(dict.fromkeys(s for e in parts for s in e.sources)),
        missing=tuple(dict.fromkeys(m for e in parts for m in e.missing)),
    )


def _per_second(e: EnergyEstimate, seconds: float) -> SecondEnergy:
    energy, low, high = (
        None if joules is None else joules / seconds for joules in (e.energy_j, e.low_j, e.high_j)
    )
    sources = dict.fromkeys(t.source for t in e.terms if t.energy_j)
    what = (e.hardware, e.model, e.precision, e.side)
    return SecondEnergy(*what, energy, low, high, e.evidence, e.scope, tuple(sources), e.missing)
