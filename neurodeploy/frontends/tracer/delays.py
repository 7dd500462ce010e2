"""Which edges of a graph deliver a step later, and where that has to be said by a Delay.

An edge of a graph delivers within its step unless it closes a cycle: then one step later. Readers
agree on which edge that is where the cycle can only be entered at one node: the edge back to it.
Everything else that forward() reads from earlier steps passes through a Delay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wire:
    """An edge over which the target reads what the source sent `at` steps before."""

    source: str
    target: str
    at: int = 0


@dataclass(frozen=True)
class Timing:
    """`late` wires close a cycle; `delayed` ones need a Delay of their `at` steps."""

    late: frozenset[Wire]
    delayed: frozenset[Wire]


def timing(wires: Sequence[Wire], inputs: Collection[str], maps: Collection[str]) -> Timing:
    """The wires' timing. Nodes in `maps` keep no state: they may compute a step early.

    If v computes r(v) steps late (early below 0), a wire from u to v has to deliver
    at + r(v) - r(u) steps later. r is 0 but for maps; some r must give 1 for every wire that closes
    a cycle and 0 for every other one.
    """
    delayed = {w for w in wires if w.at > 1}
    while True:
        kept = [w for w in wires if w not in delayed]
        late = _closing(kept, {*inputs, *(w.target for w in delayed)})
        wrong = _inconsistent(kept, late, maps)
        if not wrong:
            return Timing(frozenset(late), frozenset(delayed))
        past = {w for w in wrong if w.at > 0}
        delayed |= past or {w for w in kept if w.at > 0}


def _closing(wires: Sequence[Wire], roots: Collection[str]) -> set[Wire]:
    """The wires back to a node that every way from the roots to their source leads through."""
    return {w for w in wires if w.source not in _reached(wires, roots, without=w.target)}


def _reached(wires: Sequence[Wire], roots: Collection[str], without: str) -> set[str]:
    after: dict[str, list[str]] = {}
    for wire in wires:
        after.setdefault(wire.source, []).append(wire.target)
    waiting = [root for root in roots if root != without]
    reached = set(waiting)
    while waiting:
        new = {n for n in after.get(waiting.pop(), ()) if n != without} - reached
        reached |= new
        waiting += new
    return reached


def _inconsistent(
    wires: Sequence[Wire], late: Collection[Wire], maps: Collection[str]
) -> set[Wire]:
    """The wires that hang together with one that would deliver at the wrong step."""
    neighbours: dict[str, list[Wire]] = {}
    for wire in wires:
        neighbours.setdefault(wire.source, []).append(wire)
        neighbours.setdefault(wire.target, []).append(wire)
    wrong: set[Wire] = set()
    seen: set[Wire] = set()
    for start in wires:
        if start not in seen:
            group = _between_neurons(start, neighbours, maps)
            seen |= group
            if not _has_solution(group, late, maps):
                wrong |= group
    return wrong


def _between_neurons(
    start: Wire, neighbours: Mapping[str, list[Wire]], maps: Collection[str]
) -> set[Wire]:
    """All wires that hang together with `start` through maps."""
    group, waiting = {start}, [start]
    while waiting:
        wire = waiting.pop()
        for node in {wire.source, wire.target} & set(maps):
            new = set(neighbours[node]) - group
            group |= new
            waiting += new
    return group


def _has_solution(group: set[Wire], late: Collection[Wire], maps: Collection[str]) -> bool:
    """Whether some r, 0 outside of `maps`, makes every wire of the group right."""
    early: dict[str, int] = {}
    for wire in group:
        early |= {n: 0 for n in (wire.source, wire.target) if n not in maps}
    open_wires = set(group)
    while open_wires:
        ready = [w for w in open_wires if w.source in early or w.target in early]
        if not ready:
            free = next(iter(open_wires))
            early[free.source] = 0
            continue
        for wire in ready:
            open_wires.discard(wire)
            shift = (wire in late) - wire.at
            source = early.setdefault(wire.source, early.get(wire.target, 0) - shift)
            if early.setdefault(wire.target, source + shift) != source + shift:
                return False
    return True
