"""NIR graph and dt to a real Program that computes what `ir.interpreter` says the graph means.

The discrete gain of a node (r dt / tau of a LIF; of a CubaLIF w_in dt / tau_syn times
r dt / tau_mem) multiplies the weights of its synapses, so that u = (1 - du) u + a.
Maps between neurons become the weights of one synapse, late edges and Delays its delay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, UnsupportedPrimitive
from neurodeploy.ir.clock import Clock, check_discretisation, check_dt
from neurodeploy.ir.graph import Dynamics, GraphView, Linear, Primitive, for_each_node, view
from neurodeploy.ir.linear_map import LinearMap, apply_all, compose
from neurodeploy.ir.populations import Population, find_populations
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.ir.state_space import with_modes

Array = np.ndarray[Any, np.dtype[Any]]


def lower(
    graph: nir.NIRGraph,
    dt: float,
    primitives: Mapping[str, Primitive],
    *,
    name: str = "network",
    discretisation: str = "forward_euler",
) -> Program:
    """The Program(real) that means what the graph means at this dt (seconds).

    Raises ConfigError for a wrong dt, UnsupportedPrimitive for what has no lowering and
    VerificationError for a graph that breaks its own rules.
    """
    clock = Clock(check_dt(dt), check_discretisation(discretisation))
    shapes = view(graph, primitives)
    lowered = for_each_node(
        shapes, primitives, lambda rule, node, shape, where: rule.lower(node, shape, clock, where)
    )
    shapes, lowered, modes = with_modes(shapes, lowered)
    populations = find_populations(shapes, lowered, modes)
    outputs = _add_readouts(shapes, lowered, populations)
    walk = _Walk(shapes, lowered, populations)
    ports = tuple(Port(n, shapes.out_shape[n]) for n in shapes.of_type(nir.Input))
    neurons, synapses = [], []
    for each in populations.values():
        population = _from_zero(shapes, each)
        bias, incoming = walk.into(population)
        neurons += [
            _bias_neuron(name)
            for name in sorted({s.source for s in incoming} - shapes.nodes.keys())
        ]
        neurons.append(_neuron(shapes, population, bias))
        synapses += incoming
    # forward Euler is what a Program without a word about it was made with
    meta = {} if discretisation == "forward_euler" else {"discretisation": discretisation}
    return Program(name, "real", clock.dt, ports, tuple(neurons), tuple(synapses), outputs, meta)


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
        populations[name] = Population(name, name, "integrator", memoryless, frozenset({name}))
        names.append(name)
    return tuple(names)


def _from_zero(graph: GraphView, population: Population) -> Population:
    """A Threshold below 0 on the axis that begins there: the chip has no such thresholds, and
    x > vth is x - vth > 0."""
    d = population.dynamics
    if population.model != "cuba_lif" or not isinstance(
        graph.nodes[population.exit], nir.Threshold
    ):
        return population
    assert d.vth is not None
    below = np.minimum(d.vth, 0.0)
    return replace(population, dynamics=replace(d, vth=d.vth - below), rest=-below)


def _neuron(graph: GraphView, population: Population, bias: Array) -> Neuron:
    shape = graph.out_shape[population.exit]
    d = population.dynamics
    params: dict[str, Any] = {"du": d.du, "dv": d.dv, "bias": d.bias + bias, "v_init": d.v_init}
    if d.vth is not None:
        params["vth"] = d.vth
    if population.subtract is not None:
        params["subtract"] = population.subtract
    if population.params is not None:
        params = dict(population.params)
    full = {k: np.broadcast_to(v, shape).astype(np.float64) for k, v in params.items()}
    return Neuron(population.exit, shape, population.model, full)


def _bias_neuron(name: str) -> Neuron:
    """It fires in every step: a chip adds a bias to the voltage, so what enters the current, or
    arrives later, has to come as spikes."""
    one, zero = np.ones(1), np.zeros(1)
    params = {"du": one, "dv": one, "bias": one, "v_init": zero, "vth": zero}
    return Neuron(name, (1,), "cuba_lif", params)


@dataclass
class _Walk:
    """Backward walk from a population through maps and Delays to the sources of its synapses."""

    graph: GraphView
    lowered: Mapping[str, Linear | Dynamics]
    populations: Mapping[str, Population]
    _found: list[Synapse] = field(default_factory=list)
    _biases: dict[int, Array] = field(default_factory=dict)

    def into(self, population: Population) -> tuple[Array, list[Synapse]]:
        """The constant input per step of a population and its synapses."""
        shape = self.graph.in_shape[population.entry]
        gain = LinearMap("scale", shape, shape, np.broadcast_to(population.dynamics.gain, shape))
        last = () if np.all(population.dynamics.gain == 1) else (gain,)
        self._found, self._biases = [], {}
        for source in self.graph.before[population.entry]:
            if source not in population.feedback:
                path = _Path(population, last).through(source, population.entry, self.graph)
                self._trace(source, path)
        # nor has `s4d` a bias
        by_spikes = population.model == "s4d" or bool(np.any(population.dynamics.du < 1))
        rest, bias = np.broadcast_to(population.rest, shape), np.zeros(shape)
        if by_spikes and np.any(rest):
            self._biases[0] = self._biases.get(0, 0.0) + rest
        for delay, each in sorted(self._biases.items()):
            if delay or by_spikes:
                self._add_bias(population, each, delay)
            else:
                bias = each
        if not by_spikes and np.any(rest):  # last, so that the sum is rounded as it was
            self._add_bias(population, rest, 0)
        return bias, self._found

    def _trace(self, name: str, path: _Path) -> None:
        """Adds the synapses behind `name` and the constants that its biases contribute."""
        if name in path.nodes[1:]:
            raise UnsupportedPrimitive(
                Diagnostic(
                    f"node {name}",
                    "cycle",
                    "a cycle of Delays and maps holds values that no neuron holds",
                    "put a neuron into it",
                )
            )
        if isinstance(self.graph.nodes[name], nir.Input) or name in self.populations:
            self._add(name, path)
            return
        each = self.lowered[name]
        if not isinstance(each, Linear):
            raise UnsupportedPrimitive(
                Diagnostic(
                    f"node {name}",
                    "read-inside",
                    f"its state is read by {path.nodes[-1]} and also belongs to another population",
                    "read the spikes instead, or give the read-out its own membrane",
                )
            )
        if each.bias is not None:
            into = path.target.entry
            bias = apply_all(path.maps, each.bias[None]).reshape(self.graph.in_shape[into])
            self._biases[path.bias_start] = self._biases.get(path.bias_start, 0.0) + bias
        for behind in _branches(path, name, each):
            for source in self.graph.before[name]:
                self._trace(source, behind.through(source, name, self.graph))

    def _add(self, source: str, path: _Path) -> None:
        target = path.target.exit
        kind, weights, geometry = compose(
            path.maps, self.graph.out_shape[source], f"{source} -> {target}"
        )
        name = self._synapse_name(source, target)
        self._found.append(
            Synapse(name, source, target, kind, weights, delay=path.delay, geometry=geometry)
        )

    def _add_bias(self, population: Population, bias: Array, delay: int) -> None:
        source = f"{population.exit}.bias"
        while source in self.graph.nodes:
            source += "'"
        name = self._synapse_name(source, population.exit)
        weights = bias.reshape(-1, 1)
        self._found.append(Synapse(name, source, population.exit, "dense", weights, delay=delay))

    def _synapse_name(self, source: str, target: str) -> str:
        twins = sum(s.source == source for s in self._found)
        return f"{source}->{target}" + (f"#{twins + 1}" if twins else "")


@dataclass(frozen=True)
class _Path:
    """From a node forward to a population: the maps in order, its delay in steps, of Delays and of
    late edges, and the step from which a constant that starts the path has arrived. A Delay sends
    0 until then; a late edge alone delivers it from the first step on."""

    target: Population
    maps: tuple[LinearMap, ...]
    delay: int = 0
    bias_start: int = 0
    nodes: tuple[str, ...] = ()

    def through(self, source: str, node: str, graph: GraphView) -> _Path:
        """The path that starts with the edge source -> node."""
        delay = self.delay + ((source, node) in graph.late)
        return replace(self, delay=delay, nodes=(*self.nodes, node))


def _branches(path: _Path, name: str, each: Linear) -> Iterator[_Path]:
    """The path behind a map or Delay; of a Delay that differs per element, one path per delay."""
    values = np.unique(each.delay)
    for steps in values:
        maps: tuple[LinearMap, ...] = (each.map,)
        if len(values) > 1:
            shape = each.map.out_shape
            mask = np.asarray(each.delay == steps, dtype=np.float64)
            maps += (LinearMap("scale", shape, shape, mask),)
        delay = path.delay + int(steps)
        start = delay if steps else path.bias_start
        yield replace(path, maps=(*maps, *path.maps), delay=delay, bias_start=start)
