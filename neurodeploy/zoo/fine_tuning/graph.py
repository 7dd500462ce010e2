"""What the integers stand for as the NIR graph that was trained, under its own names.

A synapse of the Program holds a node's weights times a factor for each output. What training
changed, divided by it, is added to the node; of a population's bias, or of what enters its current
in every step, to the node's bias, or to the v_leak of the neuron. The result is lowered anew and
has to be the trained Program: what the nodes cannot say is refused, not approximated.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import nir
import numpy as np

from neurodeploy import pipeline
from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.ir.flatten import flatten
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.zoo.fine_tuning.state_dict import changes, factor_of
from neurodeploy.zoo.fine_tuning.tuning import FineTuned

Array = np.ndarray[Any, np.dtype[Any]]
WEIGHTED = (nir.Affine, nir.Linear, nir.Conv1d, nir.Conv2d)
CLOSE = 1e-9  # relative to the largest value: the nodes keep float64


def tuned_graph(
    tuned: FineTuned, graph: nir.NIRGraph, *, dt: float, discretisation: str | None = None
) -> nir.NIRGraph:
    """`graph`, flat, with the weights and biases that the integers stand for.

    graph, dt and discretisation: as they were trained. Raises QuantizationError for what has no
    place in it: a matrix composed of several layers, the bias of a neuron that does not leak.
    """
    found = deepcopy(flatten(graph))
    before, after = tuned.compiled.real, tuned.real
    originals = {
        str(name): _array(node.weight)
        for name, node in found.nodes.items()
        if isinstance(node, WEIGHTED)
    }
    for name in originals:
        found.nodes[name].weight = originals[name].copy()
    done: set[str] = set()  # a node that several synapses hold changes once
    for neuron in before.neurons:
        weights, change, steady = changes(before, after, neuron)
        for old, difference in weights:
            if not np.any(difference):
                continue
            names, factor = _nodes(originals, old)
            nodes = [found.nodes[name] for name in names if name not in done]
            done.update(names)
            for node in nodes:
                rows = (-1, *[1] * (node.weight.ndim - 1))
                node.weight += difference.reshape(node.weight.shape) / factor.reshape(rows)
            if getattr(found.nodes[names[0]], "bias", None) is None:
                continue
            if np.any(steady):
                _add_bias(nodes, steady, factor)
                steady = np.zeros_like(steady)
            elif np.any(change) and np.all(neuron.params["du"] == 1):
                _add_bias(nodes, change, factor)
                change = np.zeros_like(change)
        if np.any(change):
            _add_leak(found, neuron, change)
    _require_same(pipeline.load(found, dt, discretisation), after)
    return found


def _nodes(originals: dict[str, Array], synapse: Synapse) -> tuple[list[str], Array]:
    """The nodes whose weights the synapse holds, several where a module calls a layer more than
    once, and its factor for each output; with one weight an output, the same factor for all, since
    any weights would be those of any node."""
    held = _values(synapse)
    for weights in originals.values():
        if _as_matrix(weights.shape) == _as_matrix(held.shape):
            factor = factor_of(weights, held)
            if factor is not None and (held.size > len(held) or np.ptp(factor) <= CLOSE):
                return [n for n, w in originals.items() if np.array_equal(w, weights)], factor
    detail = "holds the weights of no single node"
    hint = "the compiled Program keeps what was trained"
    raise QuantizationError(Diagnostic(f"synapse {synapse.name}", "tuned-graph", detail, hint))


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without last axes of one: a convolution of one tap over one place is a matrix, of one input
    an output a row of factors."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _add_bias(nodes: list[Any], change: Array, factor: Array) -> None:
    per_output = change.reshape(len(factor), -1)[:, 0]
    for node in nodes:
        node.bias = np.broadcast_to(_array(node.bias), factor.shape) + per_output / factor


def _add_leak(graph: nir.NIRGraph, neuron: Neuron, change: Array) -> None:
    """bias = dv v_leak, of the node or of the membrane that it reads."""
    before = [str(a) for a, b in graph.edges if str(b) == neuron.name]
    dv = _array(neuron.params["dv"])
    for name in (neuron.name, *before):
        node: Any = graph.nodes.get(name)
        if hasattr(node, "v_leak") and np.all(dv > 0):
            node.v_leak = _array(node.v_leak) + change / dv
            return
    detail = "its bias was trained, and it has no v_leak to hold it"
    raise QuantizationError(Diagnostic(f"neuron {neuron.name}", "tuned-graph", detail))


def _require_same(got: Program, wanted: Program) -> None:
    pairs: list[tuple[str, Any, Any]] = [
        (f"synapse {b.name}", a.weights, b.weights)  # a sparse one drops a weight that became zero
        for a, b in zip(got.synapses, wanted.synapses, strict=True)
    ]
    pairs += [
        (f"neuron {b.name}.bias", _array(a.params["bias"]), _array(b.params["bias"]))
        for a, b in zip(got.neurons, wanted.neurons, strict=True)
        if "bias" in b.params
    ]
    problems = []
    for where, left, right in pairs:
        error = float(abs(left - right).max())
        if error > CLOSE * max(float(abs(right).max()), 1e-30):
            problems.append(Diagnostic(where, "tuned-graph", f"differs by {error:g}"))
    if problems:
        raise QuantizationError(problems)


def _values(synapse: Synapse) -> Array:
    """The weights; of a sparse synapse those that it stores, flat."""
    if synapse.kind == "sparse":
        return _array(synapse.weight_values)
    return _array(synapse.weights)


def _array(values: Any) -> Array:
    return np.asarray(values, dtype=np.float64)
