"""From settled expressions to a NIR graph: nodes, names, edges, types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import nir
import numpy as np
from torch import nn

from neurodeploy.errors import Diagnostic, UnsupportedLayer
from neurodeploy.frontends.tracer import layers
from neurodeploy.frontends.tracer.delays import Timing, Wire, timing
from neurodeploy.frontends.tracer.expressions import (
    Apply,
    Expr,
    Port,
    Shape,
    Source,
    Sum,
)
from neurodeploy.frontends.tracer.neuron_layers import Cell
from neurodeploy.frontends.tracer.operations import stem_of
from neurodeploy.frontends.tracer.readout import Readout
from neurodeploy.frontends.tracer.runs import Recording

Edge = tuple[str, str]
MAPS: Final = (
    *(nir.Linear, nir.Affine, nir.Scale, nir.Conv1d, nir.Conv2d),
    *(nir.AvgPool2d, nir.SumPool2d, nir.Flatten),
)


@dataclass(frozen=True)
class Assembled:
    """`recurrent` edges deliver one step later; `names`: node of each neuron layer, by its path."""

    graph: nir.NIRGraph
    recurrent: tuple[Edge, ...]
    names: Mapping[str, str]
    mistyped: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Builder:
    modules: Mapping[str, nn.Module]
    cells: Mapping[str, Cell]
    reserved: frozenset[str]
    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    wires: dict[Wire, Shape] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    mistyped: list[str] = field(default_factory=list)
    _applied: dict[Apply, str] = field(default_factory=dict)

    def name(self, path: str) -> str:
        """The path with _ for dots, made unique."""
        stem = path.replace(".", "_").replace("/", "_") or "layer"
        taken = {*self.nodes, *self.reserved}
        name, count = stem, 0
        while name in taken:
            count += 1
            name = f"{stem}_{count}"
        return name

    def add_cell(self, path: str, cell: Cell) -> None:
        """All nodes of a neuron layer. Its name is free with all suffixes."""
        stem = self.name(path)
        while any(stem + suffix in (*self.nodes, *self.reserved) for suffix in cell.nodes):
            stem += "_"
        self.names[path] = stem
        for suffix, node in cell.nodes.items():
            self.nodes[stem + suffix] = node
        for edges, at in ((cell.edges, 0), (cell.feedback, 1)):
            self.wires |= {Wire(stem + a, stem + b, at): () for a, b in edges}

    def connect(self, expr: Expr, target: str) -> None:
        """Wires from everything that the expression sums up to the node `target`."""
        for source, at, shape in self._sources(expr):
            wire = Wire(source, target, at)
            if wire in self.wires:
                detail = "adds the same signal twice, which NIR's edges can't"
                raise UnsupportedLayer(Diagnostic(f"{source} -> {target}", "added-twice", detail))
            self.wires[wire] = shape

    def _sources(self, expr: Expr) -> list[tuple[str, int, Shape]]:
        if isinstance(expr, Source):
            return [(expr.name, expr.at or 0, expr.shape)]
        if isinstance(expr, Port):
            name = self.names[expr.neuron] + self.cells[expr.neuron].ports[expr.name]
            return [(name, expr.at, expr.shape)]
        if isinstance(expr, Sum):
            return [source for term in expr.terms for source in self._sources(term)]
        assert isinstance(expr, Apply)
        return [(self._apply(expr), 0, expr.shape)]

    def _apply(self, expr: Apply) -> str:
        if expr not in self._applied:
            chain = [self.modules[path] for path in expr.layers]
            rule = layers.rule_for(chain[0])
            assert rule is not None
            name = self.name(stem_of(expr.layers[0]))
            node = rule.to_node(chain, expr.arg.shape, expr.shape)
            self.nodes[name] = node
            self._set_types(name, node, expr.arg.shape, expr.shape)
            self._applied[expr] = name
            self.connect(expr.arg, name)
        return self._applied[expr]

    def _set_types(self, name: str, node: Any, in_shape: Shape, out_shape: Shape) -> None:
        """Types as torch has them; nir 1.0.8 infers other ones for some convolutions."""
        right = (node.input_type["input"], node.output_type["output"])
        for inferred, shape in zip(right, (in_shape, out_shape), strict=True):
            if inferred is not None and not np.array_equal(inferred, shape):
                self.mistyped.append(name)
        node.input_type = {"input": np.array(in_shape)}
        node.output_type = {"output": np.array(out_shape)}

    def timing(self) -> Timing:
        inputs = [name for name, node in self.nodes.items() if isinstance(node, nir.Input)]
        maps = {name for name, node in self.nodes.items() if isinstance(node, MAPS)}
        return timing(list(self.wires), inputs, maps)

    def delay(self, wires: frozenset[Wire], dt: float) -> list[Edge]:
        """Adds a Delay per wire, or one for several wires from one node; their edges."""
        edges: list[Edge] = []
        made: dict[tuple[str, int], str] = {}
        for wire, shape in self.wires.items():
            if wire in wires:
                key = (wire.source, wire.at)
                if key not in made:
                    made[key] = self.name(f"{wire.source}_delay")
                    self.nodes[made[key]] = nir.Delay(delay=np.full(shape, wire.at * dt))
                    edges.append((wire.source, made[key]))
                edges.append((made[key], wire.target))
        return edges


def assemble(
    recording: Recording,
    outputs: Sequence[Readout],
    inputs: Mapping[str, Expr],
    used: Mapping[str, frozenset[str]],
    dt: float,
) -> Assembled:
    """The graph of everything that the outputs depend on. Raises UnsupportedLayer."""
    in_order = [neuron for neuron in recording.neuron_inputs if neuron in used]
    cells = {
        neuron: recording.neurons.to_cell(
            recording.modules[neuron], _shape_of(recording, neuron), dt, used[neuron]
        )
        for neuron in in_order
    }
    builder = _Builder(recording.modules, cells, frozenset(o.node for o in outputs))
    for port in recording.ports:
        builder.nodes[port.node] = nir.Input(input_type={"input": np.array(port.shape)})
    for neuron, cell in cells.items():
        builder.add_cell(neuron, cell)
    for neuron, cell in cells.items():
        builder.connect(inputs[neuron], builder.names[neuron] + cell.entry)
    for output in outputs:
        shape = np.array(output.expr.shape)
        builder.nodes[output.node] = nir.Output(output_type={"output": shape})
        builder.connect(output.expr, output.node)
    return _finished(builder, dt)


def _finished(builder: _Builder, dt: float) -> Assembled:
    """The graph, with a Delay where an edge of its own would deliver at the wrong step."""
    found = builder.timing()
    edges = [(w.source, w.target) for w in builder.wires if w not in found.delayed]
    edges += builder.delay(found.delayed, dt)
    late = tuple((w.source, w.target) for w in builder.wires if w in found.late)
    mistyped = tuple(dict.fromkeys(builder.mistyped))
    nodes = _in_order_of_flow(builder.nodes, edges, late)
    unread = [name for name in nodes if name not in {end for edge in edges for end in edge}]
    for name in unread:  # an input that the outputs do not depend on
        del nodes[name]
    graph = nir.NIRGraph(nodes, edges, type_check=not mistyped)
    notes = [f"{builder.names[n]}: {t}" for n, cell in builder.cells.items() for t in cell.notes]
    if unread:
        notes.append(f"the outputs do not depend on the input {', '.join(unread)}: not exported")
    return Assembled(graph, late, builder.names, mistyped, tuple(notes))


def _in_order_of_flow(
    nodes: Mapping[str, nir.NIRNode], edges: Sequence[Edge], late: Sequence[Edge]
) -> dict[str, nir.NIRNode]:
    """Every node after those that feed it in the same step."""
    waiting = {name for name, node in nodes.items() if isinstance(node, nir.Delay)}
    forward = [(a, b) for a, b in edges if (a, b) not in late and b not in waiting]
    ordered: dict[str, nir.NIRNode] = {}
    while len(ordered) < len(nodes):
        ready = [
            name
            for name in nodes
            if name not in ordered and all(a in ordered for a, b in forward if b == name)
        ]
        ordered.update({name: nodes[name] for name in ready})
    return ordered


def _shape_of(recording: Recording, neuron: str) -> Shape:
    return recording.neuron_inputs[neuron][-1].shape
