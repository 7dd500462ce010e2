"""flatten: a NIR graph without graphs inside it.

A node `lif` of the nested graph `rnn` becomes `rnn.lif`. The Inputs and Outputs of a nested graph
are where edges pass through: a -> rnn -> b with input -> lif -> output inside becomes
a -> rnn.lif -> b. Several sources of an Input add up. An edge names a port as `rnn.port` where the
nested graph has more than one; plain `rnn` means its only one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.ir.dangling import dangling_edges

Path = tuple[str, ...]
Edge = tuple[Path, Path]


@dataclass(frozen=True)
class Passage:
    """An Input or Output inside: the shape that it states and the nodes that lead to it."""

    name: str
    shape: tuple[int, ...] | None
    sources: tuple[str, ...]


def flatten(graph: nir.NIRGraph) -> nir.NIRGraph:
    """The same network without nested graphs; the graph itself if it has none.

    Raises VerificationError for edges that name no node or leave open which port they mean.
    """
    return flattened(graph)[0]


def flattened(graph: nir.NIRGraph) -> tuple[nir.NIRGraph, tuple[Passage, ...]]:
    """`flatten(graph)` and the passages that it took out; raises as that."""
    if not any(isinstance(node, nir.NIRGraph) for node in graph.nodes.values()):
        return graph, ()
    parts = _Parts()
    parts.collect(graph, (), ())
    if parts.problems:
        raise VerificationError(parts.problems)
    names = parts.names()
    passages = tuple(parts.passage(p, names) for p in parts.passages)
    if parts.problems:
        raise VerificationError(parts.problems)
    for path in parts.passages:
        parts.take_out(path)
    nodes = {names[p]: node for p, node in parts.nodes.items()}
    edges = [(names[a], names[b]) for a, b in parts.edges]
    return nir.NIRGraph(nodes, edges, metadata=graph.metadata, type_check=False), passages


def stated_shape(node: nir.NIRNode) -> tuple[int, ...] | None:
    """The shape that an Input or Output states; None if it states none."""
    types, key = (
        (node.input_type, "input") if isinstance(node, nir.Input) else (node.output_type, "output")
    )
    shape = None if types is None else types.get(key)
    return None if shape is None else tuple(int(n) for n in np.atleast_1d(np.asarray(shape)))


@dataclass
class _Parts:
    """Nodes and edges of all levels, named by their path from the outermost graph."""

    nodes: dict[Path, nir.NIRNode] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    passages: list[Path] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)

    def collect(self, graph: nir.NIRGraph, path: Path, around: tuple[int, ...]) -> None:
        if id(graph) in around:
            detail = "holds itself"
            self.problems.append(Diagnostic(f"node {'.'.join(path)}", "nesting", detail))
            return
        edges = [(str(a), str(b)) for a, b in graph.edges]
        ends = {e for edge in edges for e in edge}
        missing = {e for e in ends if e not in graph.nodes and not _as_port(graph, e)}
        prefix = "".join(f"{name}." for name in path)
        self.problems += dangling_edges(graph.nodes, missing, edges, prefix)
        for a, b in edges:
            where = f"edge {prefix}{a} -> {prefix}{b}"
            source = self._end(graph, a, path, nir.Output, where)
            self.edges.append((source, self._end(graph, b, path, nir.Input, where)))
        for name, node in graph.nodes.items():
            here = (*path, str(name))
            if isinstance(node, nir.NIRGraph):
                self.collect(node, here, (*around, id(graph)))
                continue
            self.nodes[here] = node
            if path and isinstance(node, nir.Input | nir.Output):
                self.passages.append(here)

    def _end(
        self, graph: nir.NIRGraph, name: str, path: Path, kind: type[nir.NIRNode], edge: str
    ) -> Path:
        """The node that one end of an edge means; of a nested graph, its port of that kind."""
        node = graph.nodes.get(name)
        inside = _as_port(graph, name) if node is None else None
        if inside is not None:
            outer, inner = inside
            if not isinstance(graph.nodes[outer].nodes[inner], kind):
                detail = f"{inner} is no {kind.__name__} of {outer}"
                self.problems.append(Diagnostic(edge, "port", detail))
            return (*path, outer, inner)
        if isinstance(node, nir.NIRGraph):
            ports = [str(n) for n, p in node.nodes.items() if isinstance(p, kind)]
            if len(ports) == 1:
                return (*path, name, ports[0])
            detail = f"{name} has {len(ports)} {kind.__name__} nodes: {', '.join(ports) or 'none'}"
            hint = f"name one, as '{name}.{ports[0]}'" if ports else f"give it an {kind.__name__}"
            self.problems.append(Diagnostic(edge, "port", detail, hint))
        return (*path, name)

    def names(self) -> dict[Path, str]:
        """`outer.inner`; a name that is taken gets a number."""
        names: dict[Path, str] = {}
        taken: set[str] = set()
        for path in sorted(self.nodes, key=len):
            name, count = ".".join(path), 1
            while name in taken:
                count += 1
                name = f"{'.'.join(path)}#{count}"
            names[path] = name
            taken.add(name)
        return names

    def passage(self, path: Path, names: dict[Path, str]) -> Passage:
        """What leads to a port, through other ports, while they are still there."""
        found: dict[Path, None] = {}
        queue, seen = [path], {path}
        for place in queue:
            for a, b in self.edges:
                if b != place or a in seen:
                    continue
                seen.add(a)
                if a in self.passages:
                    queue.append(a)
                elif a in names:
                    found[a] = None
        if not found and isinstance(self.nodes[path], nir.Input):
            self.problems.append(Diagnostic(f"node {names[path]}", "unreached", "nothing feeds it"))
        return Passage(names[path], stated_shape(self.nodes[path]), tuple(names[p] for p in found))

    def take_out(self, path: Path) -> None:
        """Joins every edge into the port with every edge out of it."""
        sources = [a for a, b in self.edges if b == path]
        targets = [b for a, b in self.edges if a == path]
        joined = [(a, b) for a in sources for b in targets]
        others = [e for e in self.edges if path not in e]
        if path in sources or len({*joined, *others}) < len(joined) + len(others):
            # x and a passage from x reach one node: their sum needs both edges
            shape = stated_shape(self.nodes[path])
            self.nodes[path] = nir.Scale(np.ones(shape or ()))
            return
        edges: list[Edge] = []
        for a, b in self.edges:
            if b == path:
                edges += [(a, target) for target in targets]
            elif a != path:
                edges.append((a, b))
        self.edges = edges
        del self.nodes[path]


def _as_port(graph: nir.NIRGraph, name: str) -> tuple[str, str] | None:
    """A dotted name read as a nested graph and a node in it; None if there is no such pair."""
    for i, letter in enumerate(name):
        outer, inner = graph.nodes.get(name[:i]), name[i + 1 :]
        if letter == "." and isinstance(outer, nir.NIRGraph) and inner in outer.nodes:
            return name[:i], inner
    return None
