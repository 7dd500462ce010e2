"""Static counts of a NIR graph: every connection and every neuron once, one step of one sample.

Nothing is known of values, and nothing of dt: neurons cost what their equation costs with its
constants worked out beforehand, and a gain folded into the weights before.
"""

from __future__ import annotations

from math import prod
from typing import Any, Final

import nir
import numpy as np

from neurodeploy.bench.counting.convention import DEFAULT, Convention
from neurodeploy.bench.counting.neuron_arithmetic import NeuronArithmetic
from neurodeploy.bench.counting.record import NIR, CountRecord, LayerCount
from neurodeploy.ir.graph import GraphView, Shape, view
from neurodeploy.primitives import PRIMITIVES

NEURONS: Final[dict[str, NeuronArithmetic]] = {
    "LIF": NeuronArithmetic("LIF", 1, 1, 1, 1),
    "IF": NeuronArithmetic("IF", 0, 1, 1, 1),
    "LI": NeuronArithmetic("LI", 1, 1, 0, 1),
    "I": NeuronArithmetic("I", 0, 1, 0, 1),
    "CubaLIF": NeuronArithmetic("CubaLIF", 2, 2, 1, 2),
    "CubaLI": NeuronArithmetic("CubaLI", 2, 2, 0, 2),
    "Threshold": NeuronArithmetic("Threshold", 0, 0, 1, 0),
}
"""Per update. A leak to anything but zero is one addition more."""


def count_graph(graph: nir.NIRGraph, convention: Convention = DEFAULT) -> CountRecord:
    """Counts of one step; nodes that only pass elements on have no row.

    Raises what `ir.graph.view` raises for a graph that is not sound.
    """
    seen = view(graph, PRIMITIVES)
    rows = []
    uncounted: dict[str, int] = {}
    for name, node in seen.nodes.items():
        kind = type(node).__name__
        if kind in _PASSED_ON:
            continue
        row = _row(seen, name, node)
        if row is None:
            uncounted[f"nir.{kind}"] = uncounted.get(f"nir.{kind}", 0) + 1
        else:
            rows.append(row)
    return CountRecord(convention, 1, 1, NIR, tuple(rows), False, uncounted)


_PASSED_ON: Final = frozenset({"Input", "Output", "Flatten"})


def _row(seen: GraphView, name: str, node: Any) -> LayerCount | None:
    kind, arrives, sent = type(node).__name__, seen.in_shape[name], seen.out_shape[name]
    if kind in ("Linear", "Affine"):
        return _matrix(name, node, arrives, sent)
    if kind in ("Conv1d", "Conv2d"):
        return _convolution(name, node, arrives, sent)
    if kind in ("AvgPool2d", "SumPool2d"):
        return _pool(name, node, arrives, sent)
    if kind == "Scale":
        factors = np.size(node.scale)
        return _layer(name, "elementwise", arrives, sent, factors, multiplies=prod(sent))
    if kind == "Delay":
        return _layer(
            name, "delay", arrives, sent, 0, state_reads=prod(sent), state_writes=prod(sent)
        )
    return _neuron(name, node, sent) if kind in NEURONS else None


def _layer(
    name: str, op: str, arrives: Shape, sent: Shape, parameters: int, **counts: Any
) -> LayerCount:
    return LayerCount(
        name,
        op,
        calls=1,
        shape=sent,
        parameters=parameters,
        weight_bytes=FLOAT_BYTES * parameters,
        inputs=prod(arrives),
        outputs=prod(sent),
        **counts,
    )


FLOAT_BYTES: Final = 4
"""Of a parameter, whatever a file holds it as: frameworks train in float32."""


def _matrix(name: str, node: Any, arrives: Shape, sent: Shape) -> LayerCount:
    weights = int(np.size(node.weight))
    adds = prod(sent) if isinstance(node, nir.Affine) else 0
    return _layer(name, "linear", arrives, sent, weights + adds, dense_macs=weights, bias_adds=adds)


def _convolution(name: str, node: Any, arrives: Shape, sent: Shape) -> LayerCount:
    weights = np.asarray(node.weight)
    kernel = weights.shape[2:]
    valid = weights.shape[0] * weights.shape[1] * _valid_taps(node, kernel, arrives, sent)
    every = prod(sent) * weights.shape[1] * prod(kernel)
    biased = node.bias is not None and bool(np.any(node.bias))
    return _layer(
        name,
        "conv",
        arrives,
        sent,
        weights.size + (weights.shape[0] if biased else 0),
        dense_macs=valid,
        padding_taps=every - valid,
        bias_adds=prod(sent) if biased else 0,
    )


def _pool(name: str, node: Any, arrives: Shape, sent: Shape) -> LayerCount:
    kernel = tuple(int(k) for k in np.broadcast_to(node.kernel_size, 2))
    taps = sent[0] * _valid_taps(node, kernel, arrives, sent)
    means = prod(sent) if isinstance(node, nir.AvgPool2d) else 0
    adds = max(taps - prod(sent), 0)
    return _layer(name, "pool", arrives, sent, 0, adds=adds, multiplies=means)


def _valid_taps(node: Any, kernel: Shape, arrives: Shape, sent: Shape) -> int:
    """Taps of all windows of one channel that fall inside the input."""
    axes = len(kernel)
    stride, dilation = (
        np.broadcast_to(getattr(node, key, 1), axes) for key in ("stride", "dilation")
    )
    before = [0] * axes
    if isinstance(node.padding, str | bytes) and node.padding in ("same", b"same"):
        before = [int(d) * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)]
    elif not isinstance(node.padding, str | bytes):
        before = [int(p) for p in np.broadcast_to(node.padding, axes)]
    found = 1
    for axis, taps in enumerate(kernel):
        start = np.arange(sent[1 + axis]) * int(stride[axis]) - before[axis]
        at = start[:, None] + np.arange(taps) * int(dilation[axis])
        found *= int(np.count_nonzero((at >= 0) & (at < arrives[1 + axis])))
    return found


def _neuron(name: str, node: Any, sent: Shape) -> LayerCount:
    cost, updates = NEURONS[type(node).__name__], prod(sent)
    rests = int(bool(np.any(getattr(node, "v_leak", 0))))
    constants = [value for key, value in vars(node).items() if key in _CONSTANTS]
    return _layer(
        name,
        "neuron",
        sent,
        sent,
        sum(int(np.size(value)) for value in constants),
        state_bytes=FLOAT_BYTES * cost.states * updates,
        multiplies=cost.multiplies * updates,
        adds=(cost.adds + rests) * updates,
        compares=cost.compares * updates,
        updates=updates,
        state_reads=cost.states * updates,
        state_writes=cost.states * updates,
    )


_CONSTANTS: Final = frozenset(
    {"tau", "tau_mem", "tau_syn", "r", "v_leak", "v_threshold", "threshold", "v_reset", "w_in"}
)
