"""Regression against an older results file: `synops+5%` fails if they grew by more than that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from neurodeploy.bench.results import Results
from neurodeploy.errors import ConfigError, Diagnostic

_RULE: Final = re.compile(r"(?P<name>[\w.:@-]+?)\+(?P<share>\d+(\.\d+)?)%")
COUNTS: Final[dict[str, Callable[[Results], int]]] = {
    "synops": lambda r: sum(x.synaptic_operations for x in r.layers),
    "updates": lambda r: sum(x.neuron_updates for x in r.layers),
    "spikes": lambda r: sum(x.spikes for x in r.layers),
    "weights": lambda r: r.network.weights * r.network.batch,
    "connections": lambda r: r.network.connections * r.network.batch,
}
"""Counts of a run over all inferences."""


ALIKE: Final = ("name", "arithmetic", "dt_s", "steps", "batch")


@dataclass(frozen=True)
class Rule:
    """The most that a figure per inference may grow: new <= old (1 + share)."""

    name: str
    share: float


@dataclass(frozen=True)
class Change:
    """One rule's figure before and now, per inference."""

    name: str
    before: float
    now: float
    allowed: float

    @property
    def holds(self) -> bool:
        return self.now <= self.allowed

    def __str__(self) -> str:
        grown = f" ({100 * (self.now / self.before - 1):+.2f} %)" if self.before else ""
        verdict = "" if self.holds else f", above {self.allowed:.6g}"
        return f"{self.name}: {self.before:.6g} before, {self.now:.6g} now{grown}{verdict}"


def parse_rule(text: str) -> Rule:
    """`synops+5%`; `energy:loihi1+10%` or `energy:cmos45nm:int8+10%` for joules.

    ConfigError for anything else.
    """
    match = _RULE.fullmatch(text.strip())
    if match is None or not _known(match["name"]):
        detail = f"{text!r} is not like synops+5%; known are {', '.join(COUNTS)}, energy:HARDWARE"
        raise ConfigError(Diagnostic("--fail-if", "rule", detail))
    return Rule(match["name"], float(match["share"]) / 100)


def changes(old: Results, new: Results, rules: Iterable[Rule]) -> tuple[Change, ...]:
    """Each rule's figure in both; ConfigError if the two do not compare.

    They do if the convention is the same and, for energies, if the same terms have a price.
    """
    if old.convention != new.convention:
        detail = f"counted by {old.convention!r}, now {new.convention!r}"
        raise ConfigError(Diagnostic("baseline", "unlike-counts", detail, "make it anew"))
    found = []
    for rule in rules:
        (before, held), (now, holds) = (_figure(results, rule.name) for results in (old, new))
        if alone := sorted(set(held) ^ set(holds)):
            detail = f"{rule.name}: only one of the two is without {', '.join(alone)}"
            raise ConfigError(Diagnostic("baseline", "unlike-contents", detail, "make it anew"))
        found.append(Change(rule.name, before, now, before * (1 + rule.share)))
    return tuple(found)


def remarks(old: Results, new: Results) -> tuple[str, ...]:
    """What else differs between the two runs, so that a change may not be the network's."""
    pairs = [(n, getattr(old.network, n), getattr(new.network, n)) for n in ALIKE]
    return tuple(
        f"baseline: {n} {ours!r}, now {theirs!r}" for n, ours, theirs in pairs if ours != theirs
    )


def _known(name: str) -> bool:
    return name in COUNTS or name.startswith("energy:")


def _figure(results: Results, name: str) -> tuple[float, tuple[str, ...]]:
    """The figure per inference, and what is not in it."""
    if name in COUNTS:
        return COUNTS[name](results) / results.network.batch, ()
    hardware = name.removeprefix("energy:")
    known: dict[str, tuple[float, tuple[str, ...]]] = {}
    for e in results.energy:
        if e.side == "snn" and e.energy_j:
            known.setdefault(e.hardware, (e.energy_j, e.missing))
            known[f"{e.hardware}:{e.precision}"] = (e.energy_j, e.missing)
    if hardware not in known:
        detail = f"no energy on {hardware!r}; there are {', '.join(sorted(known))}"
        raise ConfigError(Diagnostic("--fail-if", "hardware", detail))
    return known[hardware]
