"""In which order the nodes of a graph act within a step, and which edges deliver a step later.

Walk depth-first from the Inputs, in file order, along the edges in file order. An edge back to a
node that the walk is still inside of closes a cycle: it delivers what was sent in the step before.
A Delay needs no input of the same step, so a cycle through one is none, and takes exactly its time.
If every cycle has one entry, as feedback has, the order of the file does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

Edge = tuple[str, str]


def walk(
    roots: Collection[str], after: Mapping[str, tuple[str, ...]], delays: Collection[str]
) -> tuple[tuple[str, ...], frozenset[Edge]]:
    """The reached nodes, each after those that it needs in the same step, and the late edges."""
    queue = list(roots)
    inside: dict[str, bool] = {}
    finished: list[str] = []
    late: set[Edge] = set()
    for root in queue:
        stack: list[tuple[str, Iterator[str]]] = []
        if root not in inside:
            inside[root] = True
            stack.append((root, iter(after[root])))
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                inside[name] = False
                finished.append(name)
                stack.pop()
            elif target in delays:
                queue.append(target)
            elif target not in inside:
                inside[target] = True
                stack.append((target, iter(after[target])))
            elif inside[target]:
                late.add((name, target))
    return tuple(reversed(finished)), frozenset(late)
