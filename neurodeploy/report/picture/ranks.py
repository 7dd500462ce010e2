"""Which column each box stands in: arrows lead to the right, feedback runs back below."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from neurodeploy.report.picture.diagram import Diagram

Pair = tuple[str, str]


@dataclass(frozen=True)
class Ranks:
    """column: of every box; forward and backward: the arrows, each pair once.

    returning: chains of boxes from which only backward arrows lead on, in the order of the flow
    (the weights of a recurrent connection): they stand below and are read from right to left.
    """

    column: dict[str, int]
    forward: tuple[Pair, ...]
    backward: tuple[Pair, ...]
    returning: tuple[tuple[str, ...], ...]

    @property
    def below(self) -> frozenset[str]:
        return frozenset(name for chain in self.returning for name in chain)


def rank(diagram: Diagram) -> Ranks:
    """Columns by the longest way from the left."""
    names = [box.name for box in diagram.boxes]
    place = {name: i for i, name in enumerate(names)}
    pairs = {(a.source, a.target): a.recurrent for a in diagram.arrows}
    known = [p for p in pairs if p[0] in place and p[1] in place]
    ordered = sorted(known, key=lambda p: (place[p[0]], place[p[1]]))
    late = {p for p in known if pairs[p]}
    ports = [box.name for box in diagram.boxes if box.family == "port"]
    backward = late | _closing([*ports, *names], [p for p in ordered if p not in late])
    forward = [p for p in ordered if p not in backward]
    chains = _returning(names, forward, [p for p in ordered if p in backward])
    below = {name for chain in chains for name in chain}
    main = [p for p in forward if not below & set(p)]
    column = _longest([n for n in names if n not in below], main)
    for chain in chains:
        last = max((column[a] for a, b in forward if b == chain[0] and a in column), default=0)
        column |= {name: last - i for i, name in enumerate(chain)}
    shift = -min(column.values(), default=0)
    column = {name: c + shift for name, c in column.items()}
    kept = tuple(p for p in ordered if p in backward)
    return Ranks(column, tuple(forward), kept, chains)


def _closing(roots: Iterable[str], pairs: list[Pair]) -> set[Pair]:
    """Arrows that close a cycle in a depth-first walk."""
    after: dict[str, list[str]] = {}
    for a, b in pairs:
        after.setdefault(a, []).append(b)
    inside: dict[str, bool] = {}
    found: set[Pair] = set()
    for root in roots:
        stack = [] if root in inside else [(root, iter(after.get(root, ())))]
        inside.setdefault(root, True)
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                inside[name] = False
                stack.pop()
            elif target not in inside:
                inside[target] = True
                stack.append((target, iter(after.get(target, ()))))
            elif inside[target]:
                found.add((name, target))
    return found


def _returning(
    names: Collection[str], forward: list[Pair], backward: list[Pair]
) -> tuple[tuple[str, ...], ...]:
    """Unbranched chains whose only way on is one backward arrow."""
    after: dict[str, list[str]] = {name: [] for name in names}
    before: dict[str, list[str]] = {name: [] for name in names}
    for a, b in forward:
        after[a].append(b)
        before[b].append(a)
    entered = {b for _, b in backward}
    chains = []
    for end in names:
        leaving = [p for p in backward if p[0] == end]
        chain: list[str] = []
        name = end
        while len(before[name]) == 1 and name not in entered and name not in chain:
            onward = len(after[name]) + (len(leaving) if name == end else 0)
            if onward != 1 or (name == end and not leaving):
                break
            chain.insert(0, name)
            name = before[name][0]
        if chain:
            chains.append(tuple(chain))
    return tuple(chains)


def _longest(names: list[str], pairs: list[Pair]) -> dict[str, int]:
    column = dict.fromkeys(names, 0)
    missing = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = {name: [] for name in names}
    for a, b in pairs:
        after[a].append(b)
        missing[b] += 1
    queue = [name for name in names if not missing[name]]
    for name in queue:
        for b in after[name]:
            column[b] = max(column[b], column[name] + 1)
            missing[b] -= 1
            if not missing[b]:
                queue.append(b)
    return column
