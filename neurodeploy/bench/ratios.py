"""Ratios of energies: what may be divided by what, and what a ratio across unlike things says.

ratio = E_artificial / E_spiking            (above 1, the spiking network costs less)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from neurodeploy.bench.energy_records import EnergyEstimate, EnergyRatio
from neurodeploy.bench.results import Quality
from neurodeploy.bench.sensitivity import ratio_band, sides
from neurodeploy.errors import ConfigError, Diagnostic

TOLERANCE: Final = 0.01
"""Scores that differ by no more are the same quality: one point of accuracy or ROC area."""
ALIKE: Final = ("hardware", "model", "precision", "convention")
FORCE: Final = "compare like with like, or force it: the report then says so"


@dataclass(frozen=True)
class QualityRelation:
    """relation: "equal", "differs" or "unknown"; words: what was compared."""

    relation: str
    words: str


def quality_relation(rows: Iterable[Quality], tolerance: float = TOLERANCE) -> QualityRelation:
    """Of the rows that belong to the two sides, by every metric that both have."""
    scores = {row.side: row for row in rows if row.side}
    snn, ann = scores.get("snn"), scores.get("ann")
    shared = [] if snn is None or ann is None else sorted(snn.metrics.keys() & ann.metrics.keys())
    if snn is None or ann is None or not shared:
        return QualityRelation("unknown", "quality of one side is unknown")
    words = ", ".join(f"{m} {snn.metrics[m]:.4g} against {ann.metrics[m]:.4g}" for m in shared)
    same = all(abs(snn.metrics[m] - ann.metrics[m]) <= tolerance for m in shared)
    return QualityRelation("equal" if same else "differs", words)


def energy_ratio(
    snn: EnergyEstimate,
    ann: EnergyEstimate,
    quality: QualityRelation | None = None,
    *,
    force: bool = False,
) -> EnergyRatio:
    """ann / snn, with what is unlike if `force`.

    Raises ConfigError across hardware, model, precision, convention or quality unless `force`, and
    always for a side without an energy or for two estimates of one side.
    """
    quality = quality or QualityRelation("unknown", "")
    unlike = _unlike(snn, ann)
    if quality.relation == "differs":
        unlike.append(f"unlike quality: {quality.words}")
    problems = []
    if unlike and not force:
        problems = [Diagnostic("energy ratio", "unlike-energies", w, FORCE) for w in unlike]
    if snn.energy_j is None or ann.energy_j is None or snn.energy_j <= 0:
        problems.append(Diagnostic("energy", "unpriced", "a side of the ratio has no energy"))
    if snn.side != "snn" or ann.side == "snn":
        detail = f"{ann.side} over {snn.side}: a ratio is of an artificial network to a spiking one"
        problems.append(Diagnostic("energy ratio", "sides", detail))
    if problems:
        raise ConfigError(problems)
    both = sides(ann, snn)
    low, high = ratio_band(both)
    return EnergyRatio(
        hardware=snn.hardware,
        model=snn.model,
        precision=snn.precision,
        ann=ann.side,
        ratio=both.ratio({}),
        low=low,
        high=high,
        quality=quality.relation,
        against="" if not _unlike(snn, ann) else f"{ann.hardware}, {ann.model}, {ann.precision}",
        forced=tuple(unlike),
    )


def _unlike(snn: EnergyEstimate, ann: EnergyEstimate) -> list[str]:
    pairs = [(what, getattr(snn, what), getattr(ann, what)) for what in ALIKE]
    found = [
        f"unlike {what}: {ours!r} and {theirs!r}" for what, ours, theirs in pairs if ours != theirs
    ]
    if snn.scope != ann.scope:
        found.append(f"unlike scope: {snn.scope!r} and {ann.scope!r}")
    return found


def like_ratios(
    energy: Sequence[EnergyEstimate], quality: QualityRelation, *, force: bool = False
) -> tuple[tuple[EnergyRatio, ...], tuple[str, ...]]:
    """Every artificial estimate over the spiking one that is like it, and what was refused."""
    spiking = {_key(e): e for e in energy if e.side == "snn" and e.energy_j}
    pairs = [(spiking[_key(e)], e) for e in energy if e.side != "snn" and _key(e) in spiking]
    pairs = [(snn, ann) for snn, ann in pairs if ann.energy_j]
    if pairs and quality.relation == "differs" and not force:
        reason = f"no ratios: the networks differ in quality ({quality.words}); {FORCE}"
        return (), (reason,)
    return tuple(energy_ratio(snn, ann, quality, force=force) for snn, ann in pairs), ()


def _key(e: EnergyEstimate) -> tuple[str, ...]:
    return (*(str(getattr(e, what)) for what in ALIKE), e.scope)


def asked_ratio(
    text: str, energy: Sequence[EnergyEstimate], quality: QualityRelation, *, force: bool
) -> EnergyRatio:
    """`loihi1/cmos45nm:int8-acc32`: the spiking network there against the artificial one here.

    Each side is HARDWARE or HARDWARE:PRECISION. Raises ConfigError for a side that is not there and
    what `energy_ratio` raises.
    """
    left, _, right = text.partition("/")
    return energy_ratio(
        _chosen(left, "snn", energy), _chosen(right, "ann", energy), quality, force=force
    )


def _chosen(text: str, side: str, energy: Sequence[EnergyEstimate]) -> EnergyEstimate:
    hardware, _, precision = text.partition(":")
    found = [
        e
        for e in energy
        if e.side == side and e.hardware == hardware and precision in ("", e.precision)
    ]
    if not found:
        known = sorted({f"{e.hardware}:{e.precision}" for e in energy if e.side == side})
        detail = f"{text!r} is no estimate of the {side} side; there are {', '.join(known)}"
        raise ConfigError(Diagnostic("ratio", "choice", detail))
    return found[0]
