"""Two resets of snnTorch that standard NIR says with a circuit of nodes, recognised as one neuron.

lost step   L -> T -> Scale(-1) -> T, T -> Scale(w) -> L, both feedbacks a step late. L is a LIF or
            IF, T fires above 0 < th < 1, and w is out of L's reach: L fires unheard in the step
            after a spike, so that this step is lost.                        refractory_lif
at once     M -> A, B, S; A, B, Scale(-1) of S -> X -> Scale(-c) -> M; S -> Scale(th) -> S, both
            feedbacks a step late. A fires above th, B and S above 2 th, c is th times M's decay.
            That is a membrane from which th is subtracted in the step of the spike (the derivation
            stands in `frontends.snntorch.circuits`).                        soft_lif_at_once
            M + Scale(-th) of X is the membrane after the subtraction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import nir
import numpy as np

from neurodeploy.ir.arithmetic import STATE_BITS
from neurodeploy.ir.graph import Array, Dynamics, GraphView, Linear

Lowered = Mapping[str, Linear | Dynamics]
# No membrane of the chip can be so far below its threshold.
OUT_OF_REACH = 2.0**STATE_BITS
ROUNDING = 1e-12


@dataclass(frozen=True)
class Circuit:
    """The node that integrates, the one that sends the spikes, the model that they are; the node
    that sends the membrane, if one does; dynamics with the threshold."""

    membrane: str
    fires: str
    model: str
    dynamics: Dynamics
    inner: frozenset[str]
    feedback: frozenset[str]
    readout: str | None = None


def is_scale(
    graph: GraphView, lowered: Lowered, name: str, source: str, target: str
) -> Array | None:
    """The factors of a Scale that leads from `source` to `target` and nowhere else, or None."""
    each = lowered.get(name)
    alone = graph.before[name] == (source,) and graph.after[name] == (target,)
    if not alone or not isinstance(each, Linear) or each.map.kind != "scale":
        return None
    assert each.map.weights is not None
    return np.broadcast_to(np.asarray(each.map.weights, dtype=np.float64), graph.in_shape[name])


def _between(graph: GraphView, lowered: Lowered, source: str, target: str) -> dict[str, Array]:
    """The Scales that lead from `source` to `target` and nowhere else, and their factors."""
    middle = [n for n in graph.after[source] if n in graph.before[target]]
    found = {n: is_scale(graph, lowered, n, source, target) for n in middle}
    return {n: weights for n, weights in found.items() if weights is not None}


def _threshold(graph: GraphView, lowered: Lowered, name: str) -> Array | None:
    """Of a nir.Threshold, of the shape of its node."""
    each = lowered.get(name)
    if not isinstance(graph.nodes[name], nir.Threshold) or not isinstance(each, Dynamics):
        return None
    assert each.vth is not None
    return np.asarray(each.vth, dtype=np.float64)


def _counts(graph: GraphView, lowered: Lowered, name: str) -> bool:
    """Whether a Threshold tells 1 from 0."""
    vth = _threshold(graph, lowered, name)
    return vth is not None and bool(np.all((vth >= 0) & (vth < 1)))


def refractory(graph: GraphView, lowered: Lowered, fires: str) -> Circuit | None:
    """The circuit of a lost step whose spikes `fires` sends, or None."""
    leads = [n for n in graph.before[fires] if n not in graph.after[fires]]
    if len(leads) != 1 or len(graph.before[fires]) != 2 or not _counts(graph, lowered, fires):
        return None
    membrane = leads[0]
    state = lowered.get(membrane)
    if not isinstance(state, Dynamics) or state.vth is None or np.any(state.du < 1):
        return None
    if graph.after[membrane] != (fires,) or isinstance(graph.nodes[membrane], nir.Threshold):
        return None
    masks = {n: w for n, w in _between(graph, lowered, fires, fires).items() if np.all(w == -1)}
    least = OUT_OF_REACH * np.maximum(1.0, np.abs(state.vth))
    forces = {
        n: w
        for n, w in _between(graph, lowered, fires, membrane).items()
        if np.all(w * state.gain >= least)
    }
    if len(masks) != 1 or len(forces) != 1:
        return None
    (mask,), (force,) = masks, forces
    if not {(mask, fires), (force, membrane)} <= graph.late:
        return None
    inner = frozenset({membrane, fires, mask, force})
    return Circuit(membrane, fires, "refractory_lif", state, inner, frozenset({force}))


def at_once(graph: GraphView, lowered: Lowered, fires: str) -> Circuit | None:
    """The circuit of an immediate subtraction whose spikes `fires` sends, or None."""
    before = graph.before[fires]
    tests = [n for n in before if isinstance(graph.nodes[n], nir.Threshold)]
    if len(before) != 3 or len(tests) != 2 or not _counts(graph, lowered, fires):
        return None
    if any(graph.after[n] != (fires,) for n in tests):
        return None
    membranes = {graph.before[n] for n in tests}
    if len(membranes) != 1 or len(graph.before[tests[0]]) != 1:
        return None
    membrane = graph.before[tests[0]][0]
    state = lowered.get(membrane)
    if not isinstance(state, Dynamics) or state.vth is not None or np.any(state.du < 1):
        return None
    low, high = (_threshold(graph, lowered, n) for n in tests)
    assert low is not None
    assert high is not None
    threshold = np.minimum(low, high)
    owing = _owing(graph, lowered, membrane, fires, threshold)
    if owing is None or np.any(np.maximum(low, high) != 2 * threshold) or np.any(threshold < 0):
        return None
    taken = (1.0 - state.dv) * threshold
    resets = [
        n
        for n, w in _between(graph, lowered, fires, membrane).items()
        if np.allclose(-w * state.gain, taken, rtol=ROUNDING, atol=0)
    ]
    if len(resets) != 1 or (resets[0], membrane) not in graph.late:
        return None
    inner = frozenset({membrane, fires, *tests, *owing, resets[0]})
    circuit = Circuit(
        membrane,
        fires,
        "soft_lif_at_once",
        replace(state, vth=threshold),
        inner,
        frozenset({resets[0]}),
    )
    return _with_readout(graph, lowered, circuit, threshold)


def _owing(
    graph: GraphView, lowered: Lowered, membrane: str, fires: str, threshold: Array
) -> tuple[str, ...] | None:
    """S with its Scale to itself and the one to X, or None."""
    for still in graph.after[membrane]:
        double = _threshold(graph, lowered, still)
        if len(graph.before[still]) != 2 or double is None:
            continue
        owed = [
            n
            for n, w in _between(graph, lowered, still, still).items()
            if np.array_equal(w, threshold) and (n, still) in graph.late
        ]
        minus = [n for n, w in _between(graph, lowered, still, fires).items() if np.all(w == -1)]
        if len(owed) != 1 or len(minus) != 1 or not np.array_equal(double, 2 * threshold):
            continue
        if set(graph.after[still]) == {owed[0], minus[0]}:
            return still, owed[0], minus[0]
    return None


def _with_readout(
    graph: GraphView, lowered: Lowered, circuit: Circuit, threshold: Array
) -> Circuit | None:
    """The circuit with what reads its membrane; None if that is not the membrane that it keeps."""
    others = [n for n in graph.after[circuit.membrane] if n not in circuit.inner]
    if not others:
        return circuit
    left = others[0]
    each = lowered.get(left)
    if len(others) > 1 or not isinstance(each, Linear) or each.map.kind != "scale":
        return None
    taken = [
        n
        for n, w in _between(graph, lowered, circuit.fires, left).items()
        if np.array_equal(w, -threshold)
    ]
    if len(taken) != 1 or set(graph.before[left]) != {circuit.membrane, taken[0]}:
        return None
    if not np.all(np.asarray(each.map.weights) == 1) or each.bias is not None:
        return None
    inner = circuit.inner | {left, taken[0]}
    return replace(circuit, inner=inner, readout=left)
