"""NIR graph and dt to a real Program: forward Euler, all gains folded into the synapses.

Input x of a node becomes a per-step value; the discrete gain (r dt / tau of a LIF; of a CubaLIF
w_in dt / tau_syn times r dt / tau_mem) multiplies the weights, so that u = (1 - du) u + a.
An edge that closes a cycle delivers one step later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import nir
import numpy as np

from neurodeploy.errors import (
    ConfigError,
    Diagnostic,
    NeurodeployError,
    UnsupportedPrimitive,
    VerificationError,
)
from neurodeploy.ir.graph import Dynamics, GraphView, Linear, Primitive, view
from neurodeploy.ir.linear_map import LinearMap, apply_all, compose
from neurodeploy.ir.populations import Population, find_populations
from neurodeploy.ir.program import Neuron, Port, Program, Synapse, topological_order

Array = np.ndarray[Any, np.dtype[Any]]


def check_dt(dt: object) -> float:
    """dt as a float; ConfigError unless it is a finite positive number of seconds."""
    if isinstance(dt, bool) or not isinstance(dt, int | float | np.floating | np.integer):
        raise ConfigError(Diagnostic("dt", "number", f"{dt!r} is not a number of seconds"))
    if not isfinite(dt) or dt <= 0:
        raise ConfigError(Diagnostic("dt", "positive", f"{dt!r} s is not a positive finite time"))
    return float(dt)


def lower(
    graph: nir.NIRGraph, dt: float, primitives: Mapping[str, Primitive], *, name: str = "network"
) -> Program:
    """The Program(real) that means what the graph means at this dt (seconds).

    Raises ConfigError for a wrong dt, UnsupportedPrimitive for what has no lowering and
    VerificationError for a graph that breaks its own rules.
    """
    dt = check_dt(dt)
    shapes = view(graph, primitives)
    lowered = _lower_nodes(shapes, dt, primitives)
    populations = find_populations(shapes, lowered)
    outputs = _add_readouts(shapes, lowered, populations)
    walk = _Walk(shapes, lowered, populations)
    ports = tuple(Port(n, shapes.out_shape[n]) for n in shapes.of_type(nir.Input))
    neurons, synapses = [], []
    for population in populations.values():
        biases, incoming = walk.into(population)
        neurons += [_bias_neuron(s.source) for s in incoming if s.source not in shapes.nodes]
        neurons.append(_neuron(shapes, population, biases))
        synapses += incoming
    draft = Program(name, "real", dt, ports, tuple(neurons), tuple(synapses), outputs)
    return _with_feedback_delays(draft)


def _lower_nodes(
    graph: GraphView, dt: float, primitives: Mapping[str, Primitive]
) -> dict[str, Linear | Dynamics]:
    lowered: dict[str, Linear | Dynamics] = {}
    problems: list[NeurodeployError] = []
    for name, node in graph.nodes.items():
        if isinstance(node, nir.Input | nir.Output):
            continue
        rule = primitives[type(node).__name__]
        try:
            lowered[name] = rule.lower(node, graph.in_shape[name], dt, f"node {name}")
        except NeurodeployError as error:
            problems.append(error)
    if problems:
        raise type(problems[0])([d for e in problems for d in e.diagnostics])
    return lowered


def _add_readouts(
    graph: GraphView,
    lowered: dict[str, Linear | Dynamics],
    populations: dict[str, Population],
) -> tuple[str, ...]:
    """Output populations; an Output that linear nodes lead to becomes a memoryless read-out."""
    names = []
    for name in graph.of_type(nir.Output):
        sources = graph.before[name]
        if len(sources) == 1 and sources[0] in populations:
            names.append(sources[0])
            continue
        one = np.ones(graph.in_shape[name])
        zero = np.zeros(graph.in_shape[name])
        memoryless = Dynamics(one, one, one, zero, None, zero)
        lowered[name] = memoryless
        populations[name] = Population(name, name, memoryless, frozenset({name}))
        names.append(name)
    return tuple(names)


def _neuron(graph: GraphView, population: Population, bias: Array) -> Neuron:
    shape = graph.out_shape[population.exit]
    d = population.dynamics
    params: dict[str, Any] = {"du": d.du, "dv": d.dv, "bias": d.bias + bias, "v_init": d.v_init}
    if d.vth is not None:
        params["vth"] = d.vth
    if population.subtract is not None:
        params["subtract"] = population.subtract
    full = {k: np.broadcast_to(v, shape).astype(np.float64) for k, v in params.items()}
    return Neuron(population.exit, shape, population.model, full)


def _bias_synapse(target: str, bias: Array) -> Synapse:
    """A constant input of a synaptic current: the weights of a neuron that fires in every step.

    A chip adds its bias to the voltage; what enters the current has to come as spikes.
    """
    source = f"{target}.bias"
    return Synapse(f"{source}->{target}", source, target, "dense", bias.reshape(-1, 1))


def _bias_neuron(name: str) -> Neuron:
    one, zero = np.ones(1), np.zeros(1)
    params = {"du": one, "dv": one, "bias": one, "v_init": zero, "vth": zero}
    return Neuron(name, (1,), "cuba_lif", params)


@dataclass
class _Walk:
    """Backward walk from a population through linear nodes to the sources of its synapses."""

    graph: GraphView
    lowered: Mapping[str, Linear | Dynamics]
    populations: Mapping[str, Population]
    _found: list[Synapse] = field(default_factory=list)

    def into(self, population: Population) -> tuple[Array, list[Synapse]]:
        """The constant input per step of a population and its synapses."""
        shape = self.graph.in_shape[population.entry]
        gain = LinearMap("scale", shape, shape, np.broadcast_to(population.dynamics.gain, shape))
        last = () if np.all(population.dynamics.gain == 1) else (gain,)
        self._found = []
        bias = np.zeros((1, *shape))
        for source in self.graph.before[population.entry]:
            if source != population.feedback:
                bias = bias + self._trace(source, last, 0, population, (population.entry,))
        bias = bias[0].reshape(shape)
        if np.any(bias) and np.any(population.dynamics.du < 1):
            self._found.append(_bias_synapse(population.exit, bias))
            bias = np.zeros(shape)
        return bias, self._found

    def _trace(
        self,
        name: str,
        maps: tuple[LinearMap, ...],
        delay: int,
        target: Population,
        path: tuple[str, ...],
    ) -> Array:
        """Adds the synapses behind `name`; returns the constant that its biases contribute."""
        if name in path[1:]:
            raise VerificationError(
                Diagnostic(f"node {name}", "cycle", "a cycle without neurons never settles")
            )
        is_input = isinstance(self.graph.nodes[name], nir.Input)
        if is_input or name in self.populations:
            self._add(name, maps, delay, target)
            return np.zeros((1, *self.graph.in_shape[target.entry]))
        each = self.lowered[name]
        if not isinstance(each, Linear):
            raise UnsupportedPrimitive(
                Diagnostic(
                    f"node {name}",
                    "read-inside",
                    f"its state is read by {path[-1]} and also belongs to another population",
                    "read the spikes instead, or give the read-out its own membrane",
                )
            )
        total = np.zeros((1, *self.graph.in_shape[target.entry]))
        if each.bias is not None:
            total = total + apply_all(maps, each.bias[None]).reshape(total.shape)
        behind = (each.map, *maps)
        for source in self.graph.before[name]:
            total = total + self._trace(source, behind, delay + each.delay, target, (*path, name))
        return total

    def _add(self, source: str, maps: tuple[LinearMap, ...], delay: int, to: Population) -> None:
        where = f"{source} -> {to.exit}"
        shape = self.graph.out_shape[source]
        kind, weights, geometry = compose(maps, shape, where)
        twins = sum(s.source == source for s in self._found)
        name = f"{source}->{to.exit}" + (f"#{twins + 1}" if twins else "")
        self._found.append(
            Synapse(name, source, to.exit, kind, weights, delay=delay, geometry=geometry)
        )


def _with_feedback_delays(draft: Program) -> Program:
    """Back edges of the walk from the inputs deliver one step later; forward edges at once."""
    late = replace(draft, synapses=tuple(replace(s, delay=s.delay + 1) for s in draft.synapses))
    rank = {port.name: -1 for port in draft.inputs}
    rank.update({name: i for i, name in enumerate(topological_order(late))})
    synapses = tuple(
        replace(s, delay=s.delay + (rank[s.source] >= rank[s.target])) for s in draft.synapses
    )
    return replace(draft, synapses=synapses)
