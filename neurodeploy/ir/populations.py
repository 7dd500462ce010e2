"""Which NIR nodes are one population on the chip.

A spiking node is one. So are the shapes that say in standard NIR what no single primitive says:
    membrane (I, LI, CubaLI) -> Threshold                        no reset
    membrane -> Threshold -> Scale(-c) -> membrane               reset by subtraction, a step later
    two more resets of snnTorch, see `ir.reset_circuits`
    LI -> LI (-> Threshold ...), nothing else between            current and membrane (Synaptic)
    LI with pairs of rows that feed back to each other           see `ir.state_space`
    LI that feeds neurons                                        a mode by itself
A membrane that something else reads as well is a second population, which sends it: whole to an
Output, as a message of fewer bits to neurons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import nir
import numpy as np

from neurodeploy.ir.graph import Array, Dynamics, GraphView, Linear
from neurodeploy.ir.reset_circuits import Circuit, at_once, is_scale, refractory
from neurodeploy.ir.state_space import Modes

Lowered = Mapping[str, Linear | Dynamics]


@dataclass(frozen=True)
class Population:
    """`entry` receives input, `exit` sends output; `inner` are the NIR nodes that it swallowed.

    feedback: nodes that carry its own reset or state back to the entry: no synapse comes from them;
    params: of `s4d`, instead of the dynamics; rest: a constant that arrives with its input, such as
    the bias of a current: the chip has none but that of the voltage.
    """

    entry: str
    exit: str
    model: str
    dynamics: Dynamics
    inner: frozenset[str]
    subtract: Array | None = None
    feedback: frozenset[str] = frozenset()
    params: Mapping[str, Array] | None = None
    rest: Array | float = 0.0


def find_populations(
    graph: GraphView, lowered: Lowered, modes: Mapping[str, Modes]
) -> dict[str, Population]:
    """Populations by the name of their exit node."""
    dynamics = {n: d for n, d in lowered.items() if isinstance(d, Dynamics)}
    found = _Found(graph, dynamics)
    for name, mode in modes.items():
        found.add(_of_modes(name, dynamics[name], mode))
    thresholds = graph.of_type(nir.Threshold)
    for name in thresholds:
        for circuit in (refractory(graph, lowered, name), at_once(graph, lowered, name)):
            if circuit is not None:
                found.add(*_of_circuit(graph, circuit))
    for membrane in dict.fromkeys(n for t in thresholds for n in graph.before[t]):
        if membrane not in found.owner:
            found.add(*_of_membrane(graph, lowered, membrane))
    # A membrane comes before what feeds it, so that it finds its current still free.
    for name in (*thresholds, *(n for n in _downstream_first(graph) if n in dynamics)):
        if name not in found.owner:
            state = dynamics[name]
            found.add(_alone(graph, name, state))
    return {
        name: found.populations[name]
        for name in dict.fromkeys((*thresholds, *lowered))
        if name in found.populations
    }


@dataclass
class _Found:
    """Populations by exit; the membrane that every node of them belongs to."""

    graph: GraphView
    dynamics: Mapping[str, Dynamics]
    populations: dict[str, Population] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)

    def add(self, *populations: Population) -> None:
        """Those of one membrane: all of them swallow its current, or none."""
        if any(self._with_current(p) is not p for p in populations):
            populations = tuple(_without_mode(p) for p in populations)
        for each in populations:
            population = self._with_current(each)
            self.populations[population.exit] = population
            self.owner |= dict.fromkeys(population.inner, each.entry)

    def _with_current(self, population: Population) -> Population:
        wider, entry = _with_current(self.graph, self.dynamics, population), population.entry
        free = all(self.owner.get(name, entry) == entry for name in wider.inner)
        return wider if free else population


def _of_circuit(graph: GraphView, circuit: Circuit) -> Iterator[Population]:
    """The population that spikes, if its spikes are read, and the one that sends the membrane."""
    spiking = Population(
        circuit.membrane,
        circuit.fires,
        circuit.model,
        circuit.dynamics,
        circuit.inner,
        feedback=circuit.feedback,
    )
    if circuit.readout is None:
        yield spiking
        return
    if not set(graph.after[circuit.fires]) <= circuit.inner:
        yield spiking
    readers = {type(graph.nodes[n]) for n in graph.after[circuit.readout]}
    heard = "membrane" if readers <= {nir.Output} else "message"
    yield replace(spiking, exit=circuit.readout, model=f"{circuit.model}_{heard}")


def _alone(graph: GraphView, name: str, state: Dynamics) -> Population:
    """A node by itself. A membrane that feeds neurons is a mode of a = 1 - dv, whose decay is finer
    and whose sums are exact; with a current or a bias, or if it does not decay, a message."""
    inner = frozenset({name})
    if state.vth is not None:
        return Population(name, name, "cuba_lif", state, inner)
    if not _feeds(graph, name):
        return Population(name, name, "integrator", state, inner)
    if np.any(state.du < 1) or np.any(state.bias) or np.any(state.dv == 0):
        return Population(name, name, "integrator_message", state, inner)
    one, zero = np.ones_like(state.dv), np.zeros_like(state.dv)
    params = {"a_re": 1 - state.dv, "a_im": zero, "c_re": one, "c_im": zero}
    return Population(name, name, "s4d", state, inner, params=params)


def _without_mode(population: Population) -> Population:
    """The membrane that `_alone` made a mode, as a message: a mode has no current."""
    if population.params is None or population.feedback:
        return population
    return replace(population, model="integrator_message", params=None)


def _feeds(graph: GraphView, name: str) -> bool:
    """Whether a membrane has other readers than Outputs and Thresholds of its own."""
    own = (n for n in graph.after[name] if graph.before[n] == (name,))
    ends = {n for n in own if isinstance(graph.nodes[n], nir.Output | nir.Threshold)}
    return not ends.issuperset(graph.after[name])


def _of_modes(name: str, dynamics: Dynamics, modes: Modes) -> Population:
    feedback = frozenset({modes.feedback})
    inner = feedback | {name}
    return Population(name, name, "s4d", dynamics, inner, feedback=feedback, params=modes.params)


def _of_membrane(graph: GraphView, lowered: Lowered, name: str) -> Iterator[Population]:
    """Populations of the Thresholds that read a membrane and nothing else, and one more for what
    else reads it; none if the shape is another."""
    state = lowered.get(name)
    if not isinstance(state, Dynamics) or state.vth is not None:
        return
    readers = graph.after[name]
    thresholds = [
        n
        for n in readers
        if isinstance(graph.nodes[n], nir.Threshold) and graph.before[n] == (name,)
    ]
    populations = [_from_threshold(graph, lowered, name, n) for n in thresholds]
    alone = len(thresholds) == 1
    if len(thresholds) < len(readers):
        subtracting = next((p for p in populations if p.feedback), None)
        if subtracting is None:
            populations.append(_alone(graph, name, state))
        else:
            model = "soft_lif_message" if _feeds(graph, name) else "soft_lif_membrane"
            populations.append(replace(subtracting, exit=name, model=model))
            if alone and set(graph.after[thresholds[0]]) <= subtracting.feedback:
                populations.remove(subtracting)  # nobody reads the spikes
    yield from populations


def _from_threshold(graph: GraphView, lowered: Lowered, membrane: str, name: str) -> Population:
    """membrane -> Threshold, with its feedback if there is one."""
    state, fire = lowered[membrane], lowered[name]
    assert isinstance(state, Dynamics)
    assert isinstance(fire, Dynamics)
    feedback, subtract = _feedback(graph, lowered, membrane, name, state)
    inner = frozenset({membrane, name}) | feedback
    merged = replace(state, vth=fire.vth)
    return Population(membrane, name, "soft_lif", merged, inner, subtract, feedback)


def _feedback(
    graph: GraphView, lowered: Lowered, membrane: str, threshold: str, state: Dynamics
) -> tuple[frozenset[str], Array]:
    """The Scale from the threshold back to its membrane that only ever subtracts, and how much."""
    none = np.zeros(graph.out_shape[threshold])
    if np.any(state.du < 1):
        return frozenset(), none  # through a current the subtraction would linger
    for name in graph.after[threshold]:
        weights = is_scale(graph, lowered, name, threshold, membrane)
        if weights is not None and np.all(weights * state.gain <= 0):
            amount = np.broadcast_to(-weights * state.gain, none.shape)
            return frozenset({name}), amount.astype(np.float64)
    return frozenset(), none


def _with_current(
    graph: GraphView, dynamics: Mapping[str, Dynamics], population: Population
) -> Population:
    """Swallows an LI or I that feeds nothing but this membrane: it is the synaptic current."""
    inputs = [n for n in graph.before[population.entry] if n not in population.feedback]
    if len(inputs) != 1 or inputs[0] not in dynamics or population.params is not None:
        return population
    name, current, membrane = inputs[0], dynamics[inputs[0]], population.dynamics
    plain = (
        current.vth is None
        and graph.after[name] == (population.entry,)
        and not np.any(current.du < 1)
        and not np.any(membrane.du < 1)
        and not np.any(current.v_init)
    )
    if not plain or not _is_membrane(graph.nodes[population.entry]):
        return population
    merged = replace(membrane, du=current.dv, gain=current.gain * membrane.gain)
    inner, rest = population.inner | {name}, current.bias * membrane.gain
    return replace(population, entry=name, dynamics=merged, inner=inner, rest=rest)


def _is_membrane(node: Any) -> bool:
    return isinstance(node, nir.LI | nir.I | nir.LIF | nir.IF)


def _downstream_first(graph: GraphView) -> tuple[str, ...]:
    """Every node after those that it feeds, as far as cycles allow."""
    finished: dict[str, None] = {}
    entered: set[str] = set()
    for root in (*graph.of_type(nir.Input), *graph.nodes):
        stack = [] if root in entered else [(root, iter(graph.after[root]))]
        entered.add(root)
        while stack:
            name, targets = stack[-1]
            target = next((t for t in targets if t not in entered), None)
            if target is None:
                finished[name] = None
                stack.pop()
            else:
                entered.add(target)
                stack.append((target, iter(graph.after[target])))
    return tuple(finished)
