"""Energy of a hybrid program: its chip parts, its host parts, and what crossed between them.

Chip parts are priced as spiking networks, by the counts of their runs; host parts as artificial
ones, by what torch dispatched, once a step. What a message costs on its way between host and chip
is in no source: the crossings are counted, and not priced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.energy_models import ENERGY_MODELS, Work, ann_work
from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.bench.spiking_work import spiking_work
from neurodeploy.hardware import Hardware
from neurodeploy.hybrid import HostPart, HybridTrace


@dataclass(frozen=True)
class PartEnergy:
    """An estimate per inference, one sample through all steps, of one part."""

    part: str
    side: str
    estimate: EnergyEstimate


def hybrid_energy(
    trace: HybridTrace, chips: Sequence[Hardware], hosts: Sequence[Hardware]
) -> tuple[PartEnergy, ...]:
    """Every estimate of every part: chip parts on `chips`, host parts on `hosts`."""
    found: list[PartEnergy] = []
    for part in trace.hybrid.parts:
        if isinstance(part, HostPart):
            works, hardware = [_host_work(trace, part)], hosts
        else:
            run = trace.traces[part.name]
            works, hardware = [spiking_work(run.program, run.counts)], chips
        side = "host" if isinstance(part, HostPart) else "chip"
        found += [PartEnergy(part.name, side, e) for w in works for e in _priced(w, hardware)]
    return tuple(found)


def host_counts(trace: HybridTrace, part: HostPart) -> CountRecord:
    """What the part dispatches over all samples and steps of the run."""
    from neurodeploy.bench.counting.torch_counter import OperationCounter
    from neurodeploy.frontends.hybrid import run_region

    given = {v: trace.values[v] for v in part.inputs}
    counters: list[OperationCounter] = []

    def watch(network: Any) -> OperationCounter:
        counters.append(OperationCounter(network))
        return counters[0]

    run_region(part.module, given, watch)
    steps, batch = next(iter(given.values())).shape[:2]
    return counters[0].record(samples=batch, steps=steps)


def _host_work(trace: HybridTrace, part: HostPart) -> Work:
    record = host_counts(trace, part)
    return ann_work(record, record.steps, record.steps * trace.hybrid.dt)


def _priced(work: Work, hardware: Sequence[Hardware]) -> Iterator[EnergyEstimate]:
    for each in hardware:
        for model in ENERGY_MODELS.values():
            # a host multiplies by zeros, too
            mine = (e for e in model(work, each) if e.side == work.side)
            yield from (e for e in mine if e.energy_j is not None)
