"""A checked view of a NIR graph: its nodes, edges and shapes, as our own rules infer them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import nir
import numpy as np

from neurodeploy.errors import (
    Diagnostic,
    NeurodeployError,
    UnsupportedPrimitive,
    VerificationError,
)
from neurodeploy.ir.linear_map import LinearMap

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Linear:
    """A stateless node: map, bias of the output's shape, and a delay in steps."""

    map: LinearMap
    bias: Array | None = None
    delay: int = 0


@dataclass(frozen=True)
class Dynamics:
    """A node with state, discretised: u = (1 - du) u + gain x; v = (1 - dv) v + u + bias.

    du = 1 has no current; vth is None for a membrane without threshold. Values are arrays of the
    node's shape. `v_reset` shifts the voltage axis, so that the reset goes to 0: v_init = -v_reset.
    """

    du: Array
    dv: Array
    gain: Array
    bias: Array
    vth: Array | None
    v_init: Array


class Primitive(Protocol):
    """What a file in `primitives/` registers for one NIR node type.

    `output_shape` and `lower` raise a NeurodeployError whose diagnostics name `where`.
    """

    def output_shape(self, node: Any, shape: Shape, where: str) -> Shape: ...

    def lower(self, node: Any, shape: Shape, dt: float, where: str) -> Linear | Dynamics: ...

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]: ...


@dataclass(frozen=True)
class GraphView:
    """Nodes in file order, predecessors and successors, and every node's input and output shape."""

    nodes: Mapping[str, nir.NIRNode]
    before: Mapping[str, tuple[str, ...]]
    after: Mapping[str, tuple[str, ...]]
    in_shape: Mapping[str, Shape]
    out_shape: Mapping[str, Shape]

    def of_type(self, kind: type[nir.NIRNode]) -> tuple[str, ...]:
        return tuple(name for name, node in self.nodes.items() if isinstance(node, kind))


def view(graph: nir.NIRGraph, primitives: Mapping[str, Primitive]) -> GraphView:
    """Checks names, edges, values and shapes. Raises all problems at once.

    UnsupportedPrimitive for node types without a lowering; VerificationError for the rest.
    """
    nodes = {str(name): node for name, node in graph.nodes.items()}
    edges = [(str(a), str(b)) for a, b in graph.edges]
    _check_types(nodes, primitives)
    _check_edges(nodes, edges)
    _check_values(nodes)
    before: dict[str, tuple[str, ...]] = dict.fromkeys(nodes, ())
    after: dict[str, tuple[str, ...]] = dict.fromkeys(nodes, ())
    for a, b in edges:
        before[b] += (a,)
        after[a] += (b,)
    in_shape, out_shape = _infer_shapes(nodes, before, after, primitives)
    return GraphView(nodes, before, after, in_shape, out_shape)


def _check_types(nodes: Mapping[str, nir.NIRNode], primitives: Mapping[str, Primitive]) -> None:
    unknown = [
        Diagnostic(
            f"node {name}",
            "primitive",
            f"{type(node).__name__} has no lowering",
            f"known: {', '.join(primitives)}",
        )
        for name, node in nodes.items()
        if type(node).__name__ not in primitives and not isinstance(node, nir.Input | nir.Output)
    ]
    if unknown:
        raise UnsupportedPrimitive(unknown)


def _check_edges(nodes: Mapping[str, nir.NIRNode], edges: list[tuple[str, str]]) -> None:
    problems = []
    for a, b in edges:
        missing = [name for name in (a, b) if name not in nodes]
        if missing:
            detail = f"no node is named {', '.join(repr(m) for m in missing)}"
            problems.append(Diagnostic(f"edge {a} -> {b}", "dangling-edge", detail))
    for edge in sorted({e for e in edges if edges.count(e) > 1}):
        problems.append(Diagnostic(f"edge {edge[0]} -> {edge[1]}", "double-edge", "stands twice"))
    for kind in (nir.Input, nir.Output):
        if not any(isinstance(n, kind) for n in nodes.values()):
            problems.append(Diagnostic("graph", "ports", f"has no {kind.__name__} node"))
    fed = {b for _, b in edges}
    for name, node in nodes.items():
        if name not in fed and not isinstance(node, nir.Input):
            problems.append(Diagnostic(f"node {name}", "unreached", "nothing leads to it"))
    if problems:
        raise VerificationError(problems)


def _check_values(nodes: Mapping[str, nir.NIRNode]) -> None:
    problems = []
    for name, node in nodes.items():
        for key, value in vars(node).items():
            array = np.asarray(value) if isinstance(value, np.ndarray | float) else None
            if array is None or array.dtype.kind != "f" or np.isfinite(array).all():
                continue
            bad = int((~np.isfinite(array)).sum())
            detail = f"{bad} of {array.size} values are NaN or infinite"
            problems.append(Diagnostic(f"node {name}.{key}", "finite", detail))
    if problems:
        raise VerificationError(problems)


def _infer_shapes(
    nodes: Mapping[str, nir.NIRNode],
    before: Mapping[str, tuple[str, ...]],
    after: Mapping[str, tuple[str, ...]],
    primitives: Mapping[str, Primitive],
) -> tuple[dict[str, Shape], dict[str, Shape]]:
    in_shape: dict[str, Shape] = {}
    out_shape: dict[str, Shape] = {}
    problems: list[Diagnostic] = []
    queue = []
    for name, node in nodes.items():
        if isinstance(node, nir.Input):
            in_shape[name] = out_shape[name] = tuple(int(n) for n in node.input_type["input"])
            queue.append(name)
    while queue:
        for name in after[queue.pop(0)]:
            if name in out_shape:
                continue
            shape = next(out_shape[p] for p in before[name] if p in out_shape)
            node = nodes[name]
            in_shape[name] = shape
            try:
                out_shape[name] = (
                    shape
                    if isinstance(node, nir.Output)
                    else primitives[type(node).__name__].output_shape(node, shape, f"node {name}")
                )
            except NeurodeployError as error:
                problems.extend(error.diagnostics)
                continue
            queue.append(name)
    if problems:
        raise VerificationError(problems)
    for name in nodes:
        for source in before[name]:
            if source in out_shape and out_shape[source] != in_shape.get(name):
                detail = f"{source} gives {out_shape[source]}, expected {in_shape.get(name)}"
                problems.append(Diagnostic(f"node {name}", "shape", detail))
        if name not in out_shape:
            problems.append(Diagnostic(f"node {name}", "unreached", "no path from an Input"))
    if problems:
        raise VerificationError(problems)
    return in_shape, out_shape
