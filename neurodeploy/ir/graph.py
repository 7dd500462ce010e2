"""A checked view of a NIR graph: nodes, edges, order and shapes, as our own rules infer them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, NeurodeployError, VerificationError
from neurodeploy.ir.clock import Clock
from neurodeploy.ir.flatten import flattened, stated_shape
from neurodeploy.ir.graph_rules import (
    check_cycles,
    check_edges,
    check_stated_shapes,
    check_types,
    check_values,
)
from neurodeploy.ir.linear_map import LinearMap
from neurodeploy.ir.node_values import size_problem
from neurodeploy.ir.order import Edge, walk

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]
State = Mapping[str, Array]
Role = Literal["map", "neuron", "delay"]
Built = TypeVar("Built")


@dataclass(frozen=True)
class StepRule:
    """What a node does in one step: `step(state, x)` gives the new state and what it sends.

    x and what it sends are `(B, *shape)`; `start` is the state before the first step, of the
    node's shape.
    """

    step: Callable[[State, Array], tuple[State, Array]]
    start: State = field(default_factory=dict)


def stateless(function: Callable[[Array], Array]) -> StepRule:
    """The step of a node that sends `function(x)`."""
    return StepRule(lambda state, x: (state, function(x)))


@dataclass(frozen=True)
class Linear:
    """A node without neurons: map, bias of the output's shape, and a delay in steps, for all of
    its elements or for each."""

    map: LinearMap
    bias: Array | None = None
    delay: int | Array = 0


@dataclass(frozen=True)
class Dynamics:
    """A neuron's step with all gains joined: u = (1 - du) u + gain x; v = (1 - dv) v + u + bias.

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

    role: a map sends what it makes of its input of the same step; a neuron has sent nothing before
    the first step and may close a cycle; a delay sends earlier input.
    `interpret` says what the node means, `lower` what of a Program it becomes. All three methods
    take the shape that arrives and raise a NeurodeployError whose diagnostics name `where`.
    """

    role: Role

    def output_shape(self, node: Any, shape: Shape, where: str) -> Shape: ...

    def interpret(self, node: Any, shape: Shape, clock: Clock, where: str) -> StepRule: ...

    def lower(self, node: Any, shape: Shape, clock: Clock, where: str) -> Linear | Dynamics: ...

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]: ...


@dataclass(frozen=True)
class GraphView:
    """A graph without nested graphs: nodes in file order, each node's sources and targets, its
    input and output shape.

    order: every node after those whose output it needs in the same step; late: edges that close a
    cycle and deliver a step later; waiting: Delays of at least one step, which need no input of the
    same step (see `ir.order`); neurons: nodes of that role.
    """

    nodes: Mapping[str, nir.NIRNode]
    before: Mapping[str, tuple[str, ...]]
    after: Mapping[str, tuple[str, ...]]
    in_shape: Mapping[str, Shape]
    out_shape: Mapping[str, Shape]
    order: tuple[str, ...]
    late: frozenset[Edge]
    waiting: frozenset[str]
    neurons: frozenset[str]

    def of_type(self, kind: type[nir.NIRNode]) -> tuple[str, ...]:
        return tuple(name for name, node in self.nodes.items() if isinstance(node, kind))


def view(graph: nir.NIRGraph, primitives: Mapping[str, Primitive]) -> GraphView:
    """Flattens, and checks names, edges, values, shapes and cycles. Raises all problems at once.

    UnsupportedPrimitive for node types that are unknown; VerificationError for the rest.
    """
    check_values(graph, primitives)
    flat, passages = flattened(graph)
    nodes = {str(name): node for name, node in flat.nodes.items()}
    edges = [(str(a), str(b)) for a, b in flat.edges]
    check_types(nodes, primitives)
    check_edges(nodes, edges)
    before, after = neighbours(nodes, edges)
    in_shape, out_shape = infer_shapes(nodes, before, after, primitives)
    check_stated_shapes(nodes, passages, in_shape, out_shape)
    roles = {
        name: primitives[type(node).__name__].role
        for name, node in nodes.items()
        if not isinstance(node, nir.Input | nir.Output)
    }
    waiting = frozenset(
        name for name, role in roles.items() if role == "delay" and _waits(nodes[name])
    )
    neurons = frozenset(name for name, role in roles.items() if role == "neuron")
    check_cycles(after, neurons | waiting)
    roots = [name for name, node in nodes.items() if isinstance(node, nir.Input)]
    order, late = walk(roots, after, waiting)
    return GraphView(nodes, before, after, in_shape, out_shape, order, late, waiting, neurons)


def for_each_node(
    graph: GraphView,
    primitives: Mapping[str, Primitive],
    build: Callable[[Primitive, Any, Shape, str], Built],
) -> dict[str, Built]:
    """`build(rule, node, shape that arrives, where)` for every node but the Inputs and Outputs.

    Collects what the nodes raise and raises it once.
    """
    built: dict[str, Built] = {}
    problems: list[NeurodeployError] = []
    for name, node in graph.nodes.items():
        if isinstance(node, nir.Input | nir.Output):
            continue
        try:
            rule = primitives[type(node).__name__]
            built[name] = build(rule, node, graph.in_shape[name], f"node {name}")
        except NeurodeployError as error:
            problems.append(error)
    if problems:
        raise type(problems[0])([d for e in problems for d in e.diagnostics])
    return built


def _waits(node: Any) -> bool:
    """Whether a Delay holds every element back, which is then by one step at least."""
    return bool(np.all(np.asarray(node.delay) > 0))


def neighbours(
    nodes: Iterable[str], edges: Iterable[Edge]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Each node's sources and its targets, in the order of the edges."""
    before: dict[str, tuple[str, ...]] = dict.fromkeys(nodes, ())
    after = dict(before)
    for a, b in edges:
        before[b] += (a,)
        after[a] += (b,)
    return before, after


def infer_shapes(
    nodes: Mapping[str, nir.NIRNode],
    before: Mapping[str, tuple[str, ...]],
    after: Mapping[str, tuple[str, ...]],
    primitives: Mapping[str, Primitive],
) -> tuple[dict[str, Shape], dict[str, Shape]]:
    """The shape that arrives at every node and the one that it sends. Raises VerificationError with
    the first shapes that do not fit."""
    in_shape: dict[str, Shape] = {}
    out_shape: dict[str, Shape] = {}
    problems: list[Diagnostic] = []
    queue = []
    for name, node in nodes.items():
        if isinstance(node, nir.Input):
            in_shape[name] = out_shape[name] = stated_shape(node) or ()
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
            too_large = size_problem(out_shape[name])
            if too_large is None:
                queue.append(name)
            else:
                problems.append(Diagnostic(f"node {name}", *too_large))
    problems = problems or list(_joins(nodes, before, in_shape, out_shape))
    if problems:
        raise VerificationError(problems)
    return in_shape, out_shape


def _joins(
    nodes: Iterable[str],
    before: Mapping[str, tuple[str, ...]],
    in_shape: Mapping[str, Shape],
    out_shape: Mapping[str, Shape],
) -> Iterator[Diagnostic]:
    """Sources of one node that send different shapes, and nodes that nothing has come to."""
    for name in nodes:
        for source in before[name]:
            if source in out_shape and out_shape[source] != in_shape.get(name):
                detail = f"{source} gives {out_shape[source]}, expected {in_shape.get(name)}"
                hint = "all that leads to a node has one shape: it adds up"
                yield Diagnostic(f"node {name}", "shape", detail, hint)
        if name not in out_shape:
            hint = "an edge into it, or into its cycle, is missing"
            yield Diagnostic(f"node {name}", "unreached", "no path from an Input", hint)
