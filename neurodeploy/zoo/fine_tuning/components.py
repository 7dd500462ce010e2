"""Which populations have to be run step by step together: the feedback loops of a Program.

Everything that enters a loop from outside is there for all steps at once, so that its synapses are
one product over all steps.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from neurodeploy.ir.program import Program


def components(program: Program) -> tuple[tuple[str, ...], ...]:
    """Strongly connected populations together, each group after those that lead to it."""
    names = program.order
    rank = {name: i for i, name in enumerate(names)}
    edges = [(rank[s.source], rank[s.target]) for s in program.synapses if s.source in rank]
    rows, columns = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(edges)), (rows, columns)), shape=(len(names), len(names)))
    _, label = connected_components(graph, directed=True, connection="strong")
    groups: dict[int, list[str]] = {}
    for name in names:
        groups.setdefault(int(label[rank[name]]), []).append(name)
    # a loop's members need not stand together in the order: a group comes when all that leads to
    # its members has come
    ready: list[tuple[str, ...]] = []
    waiting = list(groups.values())
    while waiting:
        done = {name for group in ready for name in group}
        free = next(g for g in waiting if _sources(program, g) <= done | set(g))
        ready.append(tuple(free))
        waiting.remove(free)
    return tuple(ready)


def clocks(program: Program) -> frozenset[str]:
    """Populations that nothing leads to: they fire in every step, their synapses are biases."""
    return frozenset({n.name for n in program.neurons} - {s.target for s in program.synapses})


def _sources(program: Program, group: list[str]) -> set[str]:
    ports = {p.name for p in program.inputs}
    return {s.source for s in program.synapses if s.target in group} - ports
