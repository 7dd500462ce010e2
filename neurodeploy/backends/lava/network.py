"""Builds Lava processes from a fixed Program. Import after `compat.import_lava`.

Populations are flat (C-order) in Lava. A convolution sees its source as (W, H, C), Lava's layout,
through a virtual reshape and transpose, and its sum goes back the same way; conv1d is conv2d with
H = 1.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from lava.proc.conv.process import Conv
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.io.source import RingBuffer
from lava.proc.sparse.process import DelaySparse, Sparse
from lava.utils.weightutils import SignMode

from neurodeploy.backends.lava.delays import Bundle, bundles, matrix
from neurodeploy.backends.lava.processes import DelayConv
from neurodeploy.backends.lava.processes.recording import PLAN, Plan
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]
GRADED_STATE_BITS = 24


def build(
    program: Program, sources: Mapping[str, Any], plans: Mapping[str, Plan], restart: Plan
) -> dict[str, Any]:
    """Connected Lava neuron processes by population name.

    sources: the Lava OutPort, flat, that feeds each input port; plans: per population what it
    records; restart: the plan of synapses, which record nothing.
    """
    processes = {n.name: _neuron(n, plans[n.name]) for n in program.neurons}
    outs = {**sources, **{name: process.s_out for name, process in processes.items()}}
    for bundle in bundles(program):
        synapse = bundle.first
        message_bits = _message_bits(program, synapse.source)
        if len(bundle.synapses) > 1:
            process = _delay_sparse(bundle, message_bits)
        else:
            process = _SYNAPSES[synapse.kind](synapse, message_bits, program.shapes[synapse.source])
        process.proc_params[PLAN] = restart
        target = processes[synapse.target].a_in
        _connect(outs[synapse.source], process, target, synapse, program)
    return processes


def ring_buffers(data: Mapping[str, Array]) -> dict[str, Any]:
    """Lava's ring buffer of `(steps, N)` integers for every port, as its OutPort."""
    return {
        name: RingBuffer(data=np.ascontiguousarray(rows.T)).s_out for name, rows in data.items()
    }


def _neuron(neuron: Neuron, plan: Plan) -> Any:
    arguments = {
        key: np.asarray(value, dtype=np.int64).ravel() if np.ndim(value) else value
        for key, value in NEURON_MODELS[neuron.model].lava_arguments(neuron.params).items()
    }
    process = _process_class(neuron)(shape=(neuron.size,), **arguments)
    process.proc_params[PLAN] = plan
    return process


def _process_class(neuron: Neuron) -> Any:
    """The Lava process that the neuron's model names, as `module:Class`."""
    named = NEURON_MODELS[neuron.model].lava_process(neuron.params)
    module, _, name = named.partition(":")
    return getattr(importlib.import_module(module), name)


def _message_bits(program: Program, source: str) -> int:
    for port in program.inputs:
        if port.name == source:
            return port.num_message_bits
    return GRADED_STATE_BITS if program.is_graded(source) else 0


def _matrix(synapse: Synapse, message_bits: int, source_shape: Shape) -> Any:
    sparse = synapse.kind == "sparse"
    weights: Any = matrix(synapse) if sparse else np.asarray(synapse.weights).astype(np.int32)
    arguments: dict[str, Any] = {
        "weights": weights,
        "weight_exp": synapse.weight_exp,
        "num_weight_bits": synapse.num_weight_bits,
        "num_message_bits": message_bits,
        **_sign_mode(synapse.weight_values),
    }
    if synapse.delay == 1:
        return (Sparse if sparse else Dense)(**arguments)
    delays = (weights != 0).astype(np.int64) * (synapse.delay - 1)
    return (DelaySparse if sparse else DelayDense)(
        delays=delays, max_delay=synapse.delay - 1, **arguments
    )


def _delay_sparse(bundle: Bundle, message_bits: int) -> Any:
    return DelaySparse(
        weights=bundle.weights(),
        delays=bundle.delays(),
        max_delay=max(s.delay for s in bundle.synapses) - 1,
        weight_exp=bundle.first.weight_exp,
        num_weight_bits=bundle.first.num_weight_bits,
        num_message_bits=message_bits,
        **_sign_mode(bundle.weights().data),
    )


def _sign_mode(weights: Array) -> dict[str, Any]:
    """Lava's own guess of the sign mode would clip -256 to -255."""
    return {"sign_mode": SignMode.MIXED} if weights.min(initial=0) < -255 else {}


def whc(shape: Shape) -> Shape:
    """(C, H, W) or (C, L) as Lava's (W, H, C)."""
    return (shape[-1], shape[1] if len(shape) == 3 else 1, shape[0])


def _conv(synapse: Synapse, message_bits: int, source_shape: Shape) -> Any:
    assert synapse.geometry is not None
    weights = np.asarray(synapse.weights).astype(np.int32)
    if synapse.kind == "conv1d":
        weights = weights[:, :, None, :]
    flipped = weights[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)  # correlation as convolution
    geometry = synapse.geometry
    arguments: dict[str, Any] = {
        "weight": np.ascontiguousarray(flipped),
        "input_shape": whc(source_shape),
        "padding": _width_height(geometry.padding, 0),
        "stride": _width_height(geometry.stride, 1),
        "dilation": _width_height(geometry.dilation, 1),
        "groups": geometry.groups,
        "num_message_bits": message_bits,
    }
    if synapse.weight_exp == 0 and synapse.delay == 1:
        return Conv(**arguments)
    return DelayConv(delay=synapse.delay, weight_exp=synapse.weight_exp, **arguments)


def _width_height(values: tuple[int, ...], neutral: int) -> tuple[int, int]:
    return (values[-1], values[0] if len(values) == 2 else neutral)


_SYNAPSES: dict[str, Callable[[Synapse, int, Shape], Any]] = {
    "dense": _matrix,
    "sparse": _matrix,
    "conv1d": _conv,
    "conv2d": _conv,
}


def _connect(source: Any, process: Any, target: Any, synapse: Synapse, program: Program) -> None:
    if synapse.kind in ("dense", "sparse"):
        source.connect(process.s_in)
        process.a_out.connect(target)
        return
    chw = whc(program.shapes[synapse.source])[::-1]
    source.reshape(chw).transpose([2, 1, 0]).connect(process.s_in)
    process.a_out.transpose([2, 1, 0]).flatten().connect(target)
