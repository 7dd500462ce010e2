"""Which NIR nodes are one population on the chip.

A spiking node is one. So are the shapes that say in standard NIR what no single primitive says:
    membrane (I, LI, CubaLI) -> Threshold                        no reset
    membrane -> Threshold -> Scale(-c) -> membrane               reset by subtraction, a step later
    LI -> LI (-> Threshold ...), nothing else between            current and membrane (Synaptic)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import nir
import numpy as np

from neurodeploy.ir.graph import Array, Dynamics, GraphView, Linear


@dataclass(frozen=True)
class Population:
    """`entry` receives input, `exit` sends output; `inner` are the NIR nodes that it swallowed.

    feedback: the Scale node that carries the subtraction, left out of the synapses.
    """

    entry: str
    exit: str
    dynamics: Dynamics
    inner: frozenset[str]
    subtract: Array | None = None
    feedback: str | None = None

    @property
    def model(self) -> str:
        if self.dynamics.vth is None:
            return "integrator"
        return "cuba_lif" if self.subtract is None else "soft_lif"


def find_populations(
    graph: GraphView, lowered: Mapping[str, Linear | Dynamics]
) -> dict[str, Population]:
    """Populations by the name of their exit node."""
    dynamics = {n: d for n, d in lowered.items() if isinstance(d, Dynamics)}
    found: dict[str, Population] = {}
    taken: set[str] = set()
    thresholds = graph.of_type(nir.Threshold)
    # A membrane comes before what feeds it, so that it finds its current still free.
    for name in (*thresholds, *(n for n in _downstream_first(graph) if n in dynamics)):
        if name in taken:
            continue
        population = _from_threshold(graph, lowered, name) if name in thresholds else None
        if population is None:
            population = Population(name, name, dynamics[name], frozenset({name}))
        wider = _with_current(graph, dynamics, population)
        if not taken & wider.inner:
            population = wider
        found[name] = population
        taken |= population.inner
    return {name: found[name] for name in (*thresholds, *dynamics) if name in found}


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


def _from_threshold(
    graph: GraphView, lowered: Mapping[str, Linear | Dynamics], name: str
) -> Population | None:
    """membrane -> Threshold, with its feedback if there is one; None if the shape is another."""
    if len(graph.before[name]) != 1:
        return None
    membrane = graph.before[name][0]
    state, fire = lowered.get(membrane), lowered[name]
    assert isinstance(fire, Dynamics)
    if not isinstance(state, Dynamics) or state.vth is not None:
        return None
    if graph.after[membrane] != (name,):
        return None
    feedback, subtract = _feedback(graph, lowered, membrane, name, state)
    merged = replace(state, vth=fire.vth)
    inner = {membrane, name} | ({feedback} if feedback else set())
    return Population(membrane, name, merged, frozenset(inner), subtract, feedback)


def _feedback(
    graph: GraphView,
    lowered: Mapping[str, Linear | Dynamics],
    membrane: str,
    threshold: str,
    state: Dynamics,
) -> tuple[str | None, Array]:
    """The Scale from the threshold back to its membrane that only ever subtracts, and how much."""
    none = np.zeros(graph.out_shape[threshold])
    if np.any(state.du < 1):
        return None, none  # through a current the subtraction would linger
    for name in graph.after[threshold]:
        each = lowered.get(name)
        alone = graph.before[name] == (threshold,) and graph.after[name] == (membrane,)
        if alone and isinstance(each, Linear) and each.map.kind == "scale" and each.bias is None:
            amount = -np.asarray(each.map.weights) * state.gain
            if np.all(amount >= 0):
                return name, np.broadcast_to(amount, none.shape).astype(np.float64)
    return None, none


def _with_current(
    graph: GraphView, dynamics: Mapping[str, Dynamics], population: Population
) -> Population:
    """Swallows an LI or I that feeds nothing but this membrane: it is the synaptic current."""
    inputs = [n for n in graph.before[population.entry] if n != population.feedback]
    if len(inputs) != 1 or inputs[0] not in dynamics:
        return population
    name, current, membrane = inputs[0], dynamics[inputs[0]], population.dynamics
    plain = (
        current.vth is None
        and graph.after[name] == (population.entry,)
        and not np.any(current.du < 1)
        and not np.any(membrane.du < 1)
        and not np.any(current.bias)
        and not np.any(current.v_init)
    )
    if not plain or not _is_membrane(graph.nodes[population.entry]):
        return population
    merged = replace(membrane, du=current.dv, gain=current.gain * membrane.gain)
    return replace(
        population, entry=name, dynamics=merged, inner=population.inner | frozenset({name})
    )


def _is_membrane(node: Any) -> bool:
    return isinstance(node, nir.LI | nir.I | nir.LIF | nir.IF)
