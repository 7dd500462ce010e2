"""What placing a network on chips tells an estimate: traffic, bottleneck core, time of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neurodeploy.bench.energy_models.work import Traffic
from neurodeploy.bench.energy_records import ChipRun, EnergyEstimate
from neurodeploy.hardware import Hardware
from neurodeploy.ir.trace import Counts
from neurodeploy.passes.place import Fit


def traffic_of(fits: Mapping[str, Fit], counts: Counts) -> dict[str, Traffic]:
    """Messages between cores and tiles passed over the whole run, by chip that the network fits."""
    times = counts.steps * counts.batch
    found = {}
    for name, fit in fits.items():
        if fit.mapping is not None and fit.fits and fit.mapping.traffic.measured:
            traffic = fit.mapping.traffic
            messages, hops = (round(n * times) for n in (traffic.between_cores, traffic.hops))
            found[name] = Traffic(messages, hops, fit.mapping.chips)
    return found


def chip_runs(
    fits: Mapping[str, Fit],
    hardware: Sequence[Hardware],
    energy: Sequence[EnergyEstimate],
    dt: float,
    steps: int,
) -> tuple[ChipRun, ...]:
    """One for every chip that the network fits and whose loads were measured."""
    found = []
    for chip in hardware:
        fit = fits.get(chip.name)
        if fit is None or not fit.fits or fit.mapping is None or fit.load is None:
            continue
        on_it = next((e for e in energy if e.hardware == chip.name and e.side == "snn"), None)
        found.append(_run(fit, chip, on_it, dt, steps))
    return tuple(found)


def _run(fit: Fit, chip: Hardware, energy: EnergyEstimate | None, dt: float, steps: int) -> ChipRun:
    mapping, load = fit.mapping, fit.load
    assert mapping is not None
    assert load is not None
    works = [core.synaptic_operations for core in load.cores]
    total = sum(works)
    busiest = load.bottleneck
    price = chip.price("static_power")
    static_w = None if price is None else price.value * mapping.chips
    return ChipRun(
        hardware=chip.name,
        cores=len(mapping.cores),
        core=", ".join(map(str, mapping.cores[busiest].slices)),
        core_share=works[busiest] / total if total else 0.0,
        imbalance=works[busiest] * len(works) / total if total else 1.0,
        messages=mapping.traffic.between_cores,
        hops=mapping.traffic.hops,
        step_s=load.step_s,
        real_time=None if load.step_s is None else load.step_s <= dt,
        static_w=static_w,
        crossover_s=_crossover(energy, static_w, steps),
    )


def _crossover(energy: EnergyEstimate | None, static_w: float | None, steps: int) -> float | None:
    """Length of a step at which P_static T t equals everything else."""
    if static_w is None or energy is None or energy.energy_j is None:
        return None
    rest = sum(t.energy_j or 0.0 for t in energy.terms if t.group != "static")
    return rest / (static_w * steps)
