"""From settled expressions to a NIR graph: nodes, names, edges, types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import nir
import numpy as np
from torch import nn

from neurodeploy.errors import Diagnostic, UnsupportedLayer
from neurodeploy.frontends.tracer import layers
from neurodeploy.frontends.tracer.expressions import (
    Apply,
    Expr,
    Port,
    Shape,
    Source,
    Sum,
)
from neurodeploy.frontends.tracer.neuron_layers import Cell
from neurodeploy.frontends.tracer.recording import Recording

Edge = tuple[str, str]


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
    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    recurrent: list[Edge] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    mistyped: list[str] = field(default_factory=list)
    _applied: dict[Apply, str] = field(default_factory=dict)

    def name(self, path: str) -> str:
        """The path with _ for dots, made unique."""
        stem = path.replace(".", "_").replace("/", "_") or "layer"
        taken = {*self.nodes, "input", "output"}
        name, count = stem, 0
        while name in taken:
            count += 1
            name = f"{stem}_{count}"
        return name

    def add_cell(self, path: str, cell: Cell) -> None:
        """All nodes of a neuron layer. Its name is free with all suffixes."""
        stem = self.name(path)
        while any(stem + suffix in self.nodes for suffix in cell.nodes):
            stem += "_"
        self.names[path] = stem
        for suffix, node in cell.nodes.items():
            self.nodes[stem + suffix] = node
        self.edges += [(stem + a, stem + b) for a, b in (*cell.edges, *cell.feedback)]
        self.recurrent += [(stem + a, stem + b) for a, b in cell.feedback]

    def connect(self, expr: Expr, target: str) -> None:
        """Edges from everything that the expression sums up to the node `target`."""
        for source, late in self._sources(expr):
            edge = (source, target)
            if edge in self.edges:
                detail = "adds the same signal twice, which NIR's edges can't"
                hint = "double the weights of the layer that follows"
                raise UnsupportedLayer(
                    Diagnostic(f"{source} -> {target}", "added-twice", detail, hint)
                )
            self.edges.append(edge)
            if late:
                self.recurrent.append(edge)

    def _sources(self, expr: Expr) -> list[tuple[str, bool]]:
        if isinstance(expr, Source):
            return [("input", False)]
        if isinstance(expr, Port):
            name = self.names[expr.neuron] + self.cells[expr.neuron].ports[expr.name]
            return [(name, expr.at == 1)]
        if isinstance(expr, Sum):
            return [source for term in expr.terms for source in self._sources(term)]
        if isinstance(expr, Apply):
            return [(self._apply(expr), False)]
        raise UnsupportedLayer(
            Diagnostic("forward()", "constant-input", "a neuron or the output is always zero")
        )

    def _apply(self, expr: Apply) -> str:
        if expr not in self._applied:
            chain = [self.modules[path] for path in expr.layers]
            rule = layers.rule_for(chain[0])
            assert rule is not None
            name = self.name(expr.layers[0])
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


def assemble(
    recording: Recording,
    output: Expr,
    inputs: Mapping[str, Expr],
    used: Mapping[str, frozenset[str]],
    shape: Shape,
    dt: float,
) -> Assembled:
    """The graph of everything that the output depends on. Raises UnsupportedLayer."""
    in_order = [neuron for neuron in recording.neuron_inputs if neuron in used]
    cells = {
        neuron: recording.neurons.to_cell(
            recording.modules[neuron], _shape_of(recording, neuron), dt, used[neuron]
        )
        for neuron in in_order
    }
    builder = _Builder(recording.modules, cells)
    builder.nodes["input"] = nir.Input(input_type={"input": np.array(shape)})
    for neuron, cell in cells.items():
        builder.add_cell(neuron, cell)
    for neuron, cell in cells.items():
        builder.connect(inputs[neuron], builder.names[neuron] + cell.entry)
    builder.nodes["output"] = nir.Output(output_type={"output": np.array(output.shape)})
    builder.connect(output, "output")
    mistyped = tuple(dict.fromkeys(builder.mistyped))
    nodes = _in_order_of_flow(builder.nodes, builder.edges, builder.recurrent)
    graph = nir.NIRGraph(nodes, builder.edges, type_check=not mistyped)
    notes = tuple(f"{builder.names[n]}: {note}" for n, cell in cells.items() for note in cell.notes)
    return Assembled(graph, tuple(builder.recurrent), builder.names, mistyped, notes)


def _in_order_of_flow(
    nodes: Mapping[str, nir.NIRNode], edges: list[Edge], recurrent: list[Edge]
) -> dict[str, nir.NIRNode]:
    """Every node after those that feed it in the same step."""
    forward = [edge for edge in edges if edge not in recurrent]
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
