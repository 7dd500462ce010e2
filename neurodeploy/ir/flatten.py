"""flatten: a NIR graph without graphs inside it.

A node `lif` of the nested graph `rnn` becomes `rnn.lif`. The Inputs and Outputs of a nested graph
are where edges pass through: a -> rnn -> b with input -> lif -> output inside becomes
a -> rnn.lif -> b. Several sources of an Input add up. An edge names a port as `rnn.port` where the
nested graph has more than one; plain `rnn` means its only one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, VerificationError

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

    Raises VerificationError for an edge that leaves open which port it means.
    """
    return flattened(graph)[0]


def flattened(graph: nir.NIRGraph) -> tuple[nir.NIRGraph, tuple[Passage, ...]]:
    """`flatten(graph)` and the passages that it took out."""
    if not any(isinstance(node, nir.NIRGraph) for node in graph.nodes.values()):
        return graph, ()
    parts = _Parts()
    parts.collect(graph, (), ())
    names = parts.names()
    passages = tuple(parts.passage(p, names) for p in parts.passages)
    if parts.problems:
        raise VerificationError(parts.problems)
    for path in parts.passages:
        parts.take_out(path)
    nodes = {names[p]: node for p, node in parts.nodes.items()}
    # an end that no node has keeps its name, so that the checks can say so
    edges = [(names.get(a, ".".join(a)), names.get(b, ".".join(b))) for a, b in parts.edges]
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
        for name, node in graph.nodes.items():
            here = (*path, str(name))
            if isinstance(node, nir.NIRGraph):
                self.collect(node, here, (*around, id(graph)))
                continue
            self.nodes[here] = node
            if path and isinstance(node, nir.Input | nir.Output):
                self.passages.append(here)
        for a, b in graph.edges:
            edge = f"edge {'.'.join((*path, str(a)))} -> {'.'.join((*path, str(b)))}"
            source = self._end(graph, str(a), path, nir.Output, edge)
            target = self._end(graph, str(b), path, nir.Input, edge)
            self.edges.append((source, target))

    def _end(
        self, graph: nir.NIRGraph, name: str, path: Path, port: type[nir.NIRNode], edge: str
    ) -> Path:
        """The node that one end of an edge means."""
        node = graph.nodes.get(name)
        if isinstance(node, nir.NIRGraph):
            ports = [str(n) for n, p in node.nodes.items() if isinstance(p, port)]
            if len(ports) == 1:
                return (*path, name, ports[0])
            kind = port.__name__
            detail = f"{name} has {len(ports)} {kind} nodes: {', '.join(ports) or 'none'}"
            hint = f"name one, as '{name}.{ports[0]}'" if ports else f"give it an {kind}"
            self.problems.append(Diagnostic(edge, "port", detail, hint))
        elif node is None:
            for outer, inner in _splits(name):
                nested = graph.nodes.get(outer)
                if isinstance(nested, nir.NIRGraph) and isinstance(nested.nodes.get(inner), port):
                    return (*path, outer, inner)
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


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Every way to read a dotted name as graph and port."""
    for i, letter in enumerate(name):
        if letter == ".":
            yield name[:i], name[i + 1 :]
