"""A NIR graph described for people: parameters, shapes, time constants, gains, what looks wrong.

Works without dt, and for graphs that break rules: the rules that they break become warnings.
Discrete gains (per-step weight of an input): I, IF r dt; LI, LIF r dt / tau; CubaLI, CubaLIF
w_in dt / tau_syn into the current and r dt / tau_mem into the voltage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, NeurodeployError
from neurodeploy.ir.graph import Primitive, Shape, view
from neurodeploy.ir.network_parts import node_values
from neurodeploy.ir.order import walk

# Time constant, and the parameter that scales what it integrates. "" has none: dv/dt = r x.
INTEGRATORS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "I": (("", "r"),),
    "IF": (("", "r"),),
    "LI": (("tau", "r"),),
    "LIF": (("tau", "r"),),
    "CubaLI": (("tau_syn", "w_in"), ("tau_mem", "r")),
    "CubaLIF": (("tau_syn", "w_in"), ("tau_mem", "r")),
}
NEURONS: Final = (*INTEGRATORS, "Threshold")


@dataclass(frozen=True)
class Range:
    """Smallest, largest and mean of an array of `shape`; () is one value for all."""

    low: float
    high: float
    mean: float
    shape: Shape = ()


@dataclass(frozen=True)
class TimeConstant:
    """tau in seconds, and in steps of dt; steps is None without dt."""

    name: str
    seconds: Range
    steps: Range | None


@dataclass(frozen=True)
class Gain:
    """What one unit of input adds per step; gain is None without dt, dt_for_one in seconds."""

    into: str
    gain: Range | None
    dt_for_one: Range


@dataclass(frozen=True)
class NodeDescription:
    """One node; words are parameters that are no numbers. None: a shape that is not known."""

    name: str
    type: str
    in_shape: Shape | None
    out_shape: Shape | None
    weights: int
    parameters: Mapping[str, Range]
    words: Mapping[str, str]
    time_constants: tuple[TimeConstant, ...]
    gains: tuple[Gain, ...]
    delay: TimeConstant | None


@dataclass(frozen=True)
class EdgeDescription:
    """recurrent: the edge closes a cycle and delivers one step later."""

    source: str
    target: str
    recurrent: bool


@dataclass(frozen=True)
class GraphDescription:
    """A graph; `nested` are the graphs inside it, by the name of their node."""

    name: str
    dt: float | None
    nodes: tuple[NodeDescription, ...]
    edges: tuple[EdgeDescription, ...]
    nested: Mapping[str, GraphDescription]


def describe(
    graph: nir.NIRGraph,
    primitives: Mapping[str, Primitive],
    *,
    dt: float | None = None,
    name: str = "graph",
) -> tuple[GraphDescription, tuple[Diagnostic, ...]]:
    """The description, and every problem that keeps the graph from running."""
    shapes, problems = _shapes(graph, primitives)
    return _describe(graph, name, "", dt, shapes), problems


def _shapes(
    graph: nir.NIRGraph, primitives: Mapping[str, Primitive]
) -> tuple[dict[str, tuple[Shape, Shape]], tuple[Diagnostic, ...]]:
    """In and out shapes of every node by "outer.inner" name; empty if the graph breaks a rule."""
    try:
        found = view(graph, primitives)
    except NeurodeployError as error:
        return {}, error.diagnostics
    return {n: (found.in_shape[n], found.out_shape[n]) for n in found.nodes}, ()


def _describe(
    graph: nir.NIRGraph,
    name: str,
    prefix: str,
    dt: float | None,
    shapes: Mapping[str, tuple[Shape, Shape]],
) -> GraphDescription:
    nodes = {str(key): node for key, node in graph.nodes.items()}
    edges = [(str(a), str(b)) for a, b in graph.edges]
    order, late = _order(nodes, edges)
    return GraphDescription(
        name=name,
        dt=dt,
        nodes=tuple(_node(key, nodes[key], dt, shapes.get(prefix + key)) for key in order),
        edges=tuple(EdgeDescription(a, b, (a, b) in late) for a, b in edges),
        nested={
            key: _describe(node, key, f"{prefix}{key}.", dt, shapes)
            for key, node in nodes.items()
            if isinstance(node, nir.NIRGraph)
        },
    )


def _order(
    nodes: Mapping[str, nir.NIRNode], edges: list[tuple[str, str]]
) -> tuple[tuple[str, ...], frozenset[tuple[str, str]]]:
    """All nodes in the order in which they act, and the edges that deliver one step later."""
    after: dict[str, tuple[str, ...]] = dict.fromkeys(nodes, ())
    for a, b in edges:
        if a in after and b in after:
            after[a] += (b,)
    inputs = [n for n, node in nodes.items() if isinstance(node, nir.Input)]
    waiting = [
        n for n, node in nodes.items() if isinstance(node, nir.Delay) and np.all(node.delay > 0)
    ]
    late = walk([*inputs, *nodes], after, waiting)[1]
    reached = walk(inputs, after, waiting)[0]
    return (*reached, *(n for n in nodes if n not in reached)), late


def _node(
    name: str, node: nir.NIRNode, dt: float | None, shape: tuple[Shape, Shape] | None
) -> NodeDescription:
    values = dict(node_values(node))
    numbers = {k: r for k, v in values.items() if (r := span(v)) is not None}
    kind = type(node).__name__
    port = values.get("shape") if isinstance(node, nir.Input | nir.Output) else None
    delay = numbers.get("delay") if kind == "Delay" else None
    return NodeDescription(
        name=name,
        type=kind,
        in_shape=shape[0] if shape else port,
        out_shape=shape[1] if shape else port,
        weights=int(np.size(values["weight"])) if "weight" in values else 0,
        parameters={} if port is not None else numbers,
        words={
            key: str(value)
            for key, value in values.items()
            if key not in numbers and value is not None and port is None
        },
        time_constants=tuple(_time_constants(kind, values, dt)),
        gains=tuple(_gains(kind, values, dt)),
        delay=None if delay is None else _time("delay", values["delay"], dt),
    )


def span(value: Any) -> Range | None:
    """The range of a number or an array of numbers; None for anything else and for no values."""
    if isinstance(value, bool | str | tuple | list) or value is None:
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or not array.size:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        array = array.astype(np.float64)
        mean = (array / array.size).sum()  # a sum of the values may overflow
        return Range(float(array.min()), float(array.max()), float(mean), array.shape)


def _time(name: str, seconds: Any, dt: float | None) -> TimeConstant | None:
    whole = span(seconds)
    steps = None if dt is None else span(np.asarray(seconds, dtype=np.float64) / dt)
    return None if whole is None else TimeConstant(name, whole, steps)


def _time_constants(
    kind: str, values: Mapping[str, Any], dt: float | None
) -> Iterator[TimeConstant]:
    for tau, _ in INTEGRATORS.get(kind, ()):
        found = _time(tau, values[tau], dt) if tau and tau in values else None
        if found is not None:
            yield found


def _gains(kind: str, values: Mapping[str, Any], dt: float | None) -> Iterator[Gain]:
    """r dt / tau and its like, elementwise before the range is taken."""
    stages = INTEGRATORS.get(kind, ())
    for number, (tau, factor) in enumerate(stages):
        if values.get(factor) is None or (tau and values.get(tau) is None):
            continue
        with np.errstate(all="ignore"):
            try:
                rate = np.asarray(values[factor], dtype=np.float64) / (values[tau] if tau else 1.0)
            except (ValueError, TypeError):  # shapes that do not fit are reported by the rules
                continue
            one = span(np.where(rate == 0, np.inf, 1 / rate))
            now = None if dt is None else span(rate * dt)
        into = "current" if len(stages) == 2 and number == 0 else "voltage"
        if one is not None:
            yield Gain(into, now, one)
