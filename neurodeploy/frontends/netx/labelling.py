"""Gives a Program that was read from our own netx file its names, shapes and scales again."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from neurodeploy.ir.arithmetic import shifted
from neurodeploy.ir.netx_labels import Labels, LayerLabel, SynapseLabel, damaged
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse


def labelled(program: Program, labels: Labels, where: str) -> Program:
    """Raises DataError where the labels name another network than the file holds."""
    if len(labels.layers) != len(program.neurons):
        detail = f"names {len(labels.layers)} populations, the file has {len(program.neurons)}"
        raise damaged(where, detail)
    port = program.inputs[0]
    names, neurons, synapses = {port.name: labels.port.name}, [], []
    for neuron, label in zip(program.neurons, labels.layers, strict=True):
        names[neuron.name] = label.name
        neurons.append(_neuron(neuron, label, where))
        incoming = program.incoming(neuron.name)
        if len(incoming) != len(label.synapses):
            detail = f"{label.name} has {len(label.synapses)} synapses, the file {len(incoming)}"
            raise damaged(where, detail)
        synapses += [
            replace(_synapse(s, title, where), source=names[s.source], target=label.name)
            for s, title in zip(incoming, label.synapses, strict=True)
        ]
    return replace(
        program,
        name=labels.name,
        inputs=(_port(port, labels, where),),
        neurons=tuple(neurons),
        synapses=tuple(synapses),
        outputs=tuple(names[name] for name in program.outputs),
        meta=dict(labels.meta),
        notes=labels.notes,
    )


def _port(port: Port, labels: Labels, where: str) -> Port:
    label = labels.port
    _require_size(label.name, label.shape, port.shape, where)
    return Port(label.name, label.shape, label.num_message_bits, label.scale, label.signed)


def _neuron(neuron: Neuron, label: LayerLabel, where: str) -> Neuron:
    _require_size(label.name, label.shape, neuron.shape, where)
    params = {key: _reshaped(value, label.shape) for key, value in neuron.params.items()}
    if "bias_exp" in params:
        bias, move = np.asarray(params["bias"]), params["bias_exp"] - label.bias_exp
        params |= {"bias": shifted(bias, move), "bias_exp": label.bias_exp}
        if not np.array_equal(shifted(params["bias"], -move), bias):
            raise damaged(where, f"{label.name} cannot have bias_exp {label.bias_exp}")
    return Neuron(label.name, label.shape, neuron.model, params, label.scale, label.latency)


def _require_size(name: str, shape: tuple[int, ...], found: tuple[int, ...], where: str) -> None:
    if prod(shape) != prod(found):
        raise damaged(where, f"{name} is {shape}, the file has {found}")


def _reshaped(value: Any, shape: tuple[int, ...]) -> Any:
    array = np.asarray(value)
    return array.reshape(shape) if array.ndim else value


def _synapse(synapse: Synapse, label: SynapseLabel, where: str) -> Synapse:
    """The same sums of the same weights << weight_exp, stored as the label says."""
    stored = synapse.weights.toarray() if synapse.kind == "sparse" else synapse.weights
    weights = shifted(np.asarray(stored), synapse.weight_exp - label.weight_exp)
    if not np.array_equal(shifted(weights, label.weight_exp - synapse.weight_exp), stored):
        raise damaged(where, f"{label.name} cannot have weight_exp {label.weight_exp}")
    geometry = synapse.geometry
    if geometry is not None and label.kind == "conv1d" and weights.shape[2] == 1:
        weights = weights[:, :, 0]  # written as an image of height 1
        axes = (geometry.stride[1:], geometry.padding[1:], geometry.dilation[1:])
        geometry = ConvGeometry(*axes, geometry.groups)
    elif (geometry is None) != (label.kind in ("dense", "sparse")):
        raise damaged(where, f"{label.name} is {label.kind}, the file has {synapse.kind}")
    return replace(
        synapse,
        name=label.name,
        kind=label.kind,
        weights=csr_array(weights) if label.kind == "sparse" else weights,
        geometry=geometry,
        weight_exp=label.weight_exp,
        num_weight_bits=label.num_weight_bits,
    )
