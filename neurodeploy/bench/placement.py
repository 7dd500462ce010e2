"""The results file of a fit: the verdict, what every core holds and does, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from neurodeploy.bench.results import Provenance
from neurodeploy.bench.results_files import read_document, write_document
from neurodeploy.hardware import Hardware
from neurodeploy.ir.mapping import Mapping
from neurodeploy.passes.place import CoreLoad, Fit, Load

PLACEMENT_SCHEMA: Final = "neurodeploy.placement/1"


@dataclass(frozen=True)
class LimitUse:
    """A limit of one core. peak, mean: over the cores, the mean as a share; None: not placed.

    cores: that this limit alone asks for; None for what a finer cut multiplies.
    """

    name: str
    value: int
    evidence: str
    source: str
    peak: int | None
    mean: float | None
    cores: int | None


@dataclass(frozen=True)
class CoreUse:
    """A core: its seat, its slices in words, what it uses, and of a run what it does per step."""

    chip: int
    row: int
    column: int
    number: int
    holds: tuple[str, ...]
    used: dict[str, int]
    synaptic_operations: float | None
    messages_in: float | None
    messages_out: float | None
    time_s: float | None

    def nearest(self, limits: tuple[LimitUse, ...]) -> tuple[str, int, int]:
        """The limit that the core comes nearest to: name, used, maximum."""
        limit = max(limits, key=lambda x: self.used[x.name] / x.value)
        return limit.name, self.used[limit.name], limit.value


@dataclass(frozen=True)
class PlacementResults:
    """All of it. `schema` is PLACEMENT_SCHEMA; readers refuse any other.

    verdict: one line; lines: bottleneck, traffic, time and what was taken for granted; bottleneck:
    index into cores; measured: messages and loads come from a run.
    """

    title: str
    provenance: Provenance
    network: str
    hardware: str
    hardware_title: str
    fits: bool
    verdict: str
    reasons: tuple[str, ...]
    remedies: tuple[str, ...]
    limits: tuple[LimitUse, ...]
    cores: tuple[CoreUse, ...]
    mesh: tuple[int, int]
    measured: bool
    bottleneck: int | None
    step_s: float | None
    lines: tuple[str, ...]
    schema: str = field(default=PLACEMENT_SCHEMA)


def placement_results(found: Fit, hardware: Hardware, provenance: Provenance) -> PlacementResults:
    """What of a fit is kept."""
    mapping, load = found.mapping, found.load
    return PlacementResults(
        title=f"{found.program} on {hardware.title}",
        provenance=provenance,
        network=found.program,
        hardware=hardware.name,
        hardware_title=hardware.title,
        fits=found.fits,
        verdict=verdict(found, hardware),
        reasons=tuple(map(str, found.reasons)),
        remedies=found.remedies,
        limits=_limits(found, hardware),
        cores=() if mapping is None else _cores(mapping, load),
        mesh=(0, 0) if mapping is None else mapping.mesh,
        measured=load is not None,
        bottleneck=None if load is None else load.bottleneck,
        step_s=None if load is None else load.step_s,
        lines=() if mapping is None else tuple(_lines(mapping, load)),
    )


def verdict(found: Fit, hardware: Hardware) -> str:
    """ "vad fits loihi2: 1 of 128 cores; it comes nearest to ..."."""
    bits = "" if found.weight_bits is None else f" at {found.weight_bits} bits a weight"
    words = f"{found.program} {'fits' if found.fits else 'does not fit'} {hardware.name}{bits}"
    mapping = found.mapping
    if mapping is None:
        return words
    count = f"{len(mapping.cores):,}"
    if not found.fits:
        count = f"it takes {count}"
    elif found.cores is not None:
        count += f" of {found.cores:,}"
    chips = f" on {mapping.chips:,} chips" if mapping.chips > 1 else ""
    share = f"{100 * mapping.load(mapping.limiting):.0f} %"
    return (
        f"{words}: {count} {'core' if count == '1' else 'cores'}{chips}, "
        f"{mapping.limiting} used most, {share} on average"
    )


def _limits(found: Fit, hardware: Hardware) -> tuple[LimitUse, ...]:
    if found.demand is None:
        return ()
    demand, mapping = found.demand, found.mapping
    return tuple(
        LimitUse(
            name=name,
            value=value,
            evidence=hardware.limits[name].evidence,
            source=hardware.limits[name].source,
            peak=None if mapping is None else mapping.peak(name),
            mean=None if mapping is None else mapping.load(name),
            cores=demand.cores(name) if name in demand.totals else None,
        )
        for name, value in demand.limits.items()
    )


def _cores(mapping: Mapping, load: Load | None) -> tuple[CoreUse, ...]:
    loads: tuple[CoreLoad | None, ...] = load.cores if load else (None,) * len(mapping.cores)
    return tuple(
        CoreUse(
            chip=core.seat.chip,
            row=core.seat.row,
            column=core.seat.column,
            number=core.seat.core,
            holds=tuple(map(str, core.slices)),
            used=dict(core.used),
            synaptic_operations=None if each is None else each.synaptic_operations,
            messages_in=None if each is None else each.counts["message_in"],
            messages_out=None if each is None else each.counts["message_out"],
            time_s=None if each is None else each.time_s,
        )
        for core, each in zip(mapping.cores, loads, strict=True)
    )


def _lines(mapping: Mapping, load: Load | None) -> list[str]:
    t = mapping.traffic
    when = "measured" if t.measured else "if every neuron fires in every step"
    lines = [
        f"messages per step, {when}: {t.messages:,.1f}, of them {t.between_cores:,.1f} between "
        f"cores over {t.hops:,.1f} tiles, {t.between_chips:,.1f} between chips"
    ]
    if load is not None:
        busiest = mapping.cores[load.bottleneck]
        operations = load.cores[load.bottleneck].synaptic_operations
        total = sum(core.synaptic_operations for core in load.cores)
        lines.append(
            f"bottleneck: the core with {', '.join(map(str, busiest.slices))}, {operations:,.1f} "
            f"of {total:,.1f} synaptic operations per step"
        )
        lines.append(_time(load))
    if mapping.assumed:
        lines.append(f"assumed, no public figure: {', '.join(mapping.assumed)}")
    return [*lines, *(f"note: {note}" for note in mapping.notes)]


def _time(load: Load) -> str:
    if load.step_s is None:
        return "time of a step: no public figures for this chip"
    source = "; ".join(load.sources)
    return f"time of a step, estimated: {load.step_s * 1e6:.2f} µs ({source})"


def write_placement(results: PlacementResults, path: str | Path) -> Path:
    """Writes the JSON document."""
    return write_document(results, path)


def read_placement(path: str | Path) -> PlacementResults:
    """The results in a file; raises what `read_document` raises."""
    return read_document(PlacementResults, PLACEMENT_SCHEMA, path, command="fit")
