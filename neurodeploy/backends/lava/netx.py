"""Writes fixed Programs as lava-dl's netx HDF5 (`.net`), and names what that format cannot say.

A netx file is a strict sequence of layers. Its loader maps CUBA to Lava's LIF with vth = vThMant,
du = iDecay - 1, dv = vDecay and a bias exponent of 6, SDNN to SigmaDelta, Delta (input) and Sigma
(`sigma_output`) with exponents of 6; weights have no exponent; a population has one value of each
parameter. A final read-out is written as slayer writes its own, a CUBA with a threshold that no
membrane can reach. What the format has no place for (`ir.netx_labels`) lies beside its layers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurodeploy.backends.lava.netx_layers import Layer, delay_key, layers, merged, read_back
from neurodeploy.backends.lava.netx_problems import bias_mantissa, netx_problems
from neurodeploy.errors import UnsupportedPrimitive
from neurodeploy.ir.netx_labels import KEY, Labels, LayerLabel, PortLabel, SynapseLabel
from neurodeploy.ir.netx_weights import folded
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.whole_files import write_whole

__all__ = ["image", "netx_problems", "write_netx"]

Array = np.ndarray[Any, np.dtype[Any]]
NEVER = (1 << 18) - 1  # slayer's `Affine`: << 6 it is beyond 24 bits


def write_netx(path: str | Path, program: Program) -> None:
    """Writes a `.net` file. Raises UnsupportedPrimitive naming all that netx cannot say."""
    problems = netx_problems(program)
    if problems:
        raise UnsupportedPrimitive(problems)

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w") as file:
            _write_layers(file.create_group("layer"), program)
            file[KEY] = _labels(program).to_json()

    write_whole(Path(path), write)


def _write_layers(groups: h5py.Group, program: Program) -> None:
    found = layers(program)
    port = program.inputs[0]
    if found[0].kind != "input":
        _write_input(groups.create_group("0"), port)
    imaged = len(port.shape) > 1
    for layer in found:
        if imaged and layer.kind.startswith("dense"):
            _text(groups.create_group(str(len(groups))), "type", "flatten")
        group = groups.create_group(str(len(groups)))
        if layer.kind == "input":
            _write_input(group, port)
            _write_input_neuron(group, port, layer.neuron)
        else:
            _write_layer(group, layer)
            imaged = layer.kind == "conv"


def _labels(program: Program) -> Labels:
    port = program.inputs[0]
    return Labels(
        name=program.name,
        dt=program.dt,
        port=PortLabel(port.name, port.shape, port.num_message_bits, port.scale, port.signed),
        layers=tuple(_label(layer) for layer in layers(program)),
        meta=program.meta,
        notes=program.notes,
    )


def _label(layer: Layer) -> LayerLabel:
    neuron = layer.neuron
    synapses = tuple(
        SynapseLabel(s.name, s.kind, s.weight_exp, s.num_weight_bits) for s in read_back(layer)
    )
    bias_exp = int(neuron.params.get("bias_exp", 0))
    return LayerLabel(neuron.name, neuron.shape, neuron.scale, neuron.latency, bias_exp, synapses)


def _text(group: h5py.Group, key: str, value: str) -> None:
    group.create_dataset(key, data=np.array([value.encode("ascii")]))


def image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(C, L) as an image of height 1; any other shape as it is."""
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def _write_input(group: h5py.Group, port: Port) -> None:
    _text(group, "type", "input")
    group["shape"] = np.array(image(port.shape), dtype=np.int64)


def _write_input_neuron(group: h5py.Group, port: Port, neuron: Neuron) -> None:
    _write_neuron(group.create_group("neuron"), neuron)
    group["weight"] = int(port.scale)
    bias = bias_mantissa(neuron)
    assert bias is not None
    group["bias"] = int(bias.flat[0])


def _write_layer(group: h5py.Group, layer: Layer) -> None:
    neuron = layer.neuron
    _write_neuron(group.create_group("neuron"), neuron)
    bias = bias_mantissa(neuron)
    assert bias is not None
    if layer.kind == "conv":
        group["shape"] = np.array(image(neuron.shape), dtype=np.int64)
        _write_conv(group, layer.forward[0])
        bias = bias.reshape(image(neuron.shape)).transpose()  # (W, H, C)
    else:
        group["shape"] = np.array([neuron.size, 1, 1], dtype=np.int64)
        _write_dense(group, layer)
        bias = bias.ravel()
    if bias.any():
        group["bias"] = bias


def _write_neuron(group: h5py.Group, neuron: Neuron) -> None:
    params = neuron.params
    if neuron.model in ("sigma_delta", "delta", "sigma"):
        _text(group, "type", "SDNN")
        _text(group, "activation", "relu")
        group["vThMant"] = int(params.get("vth", 0))
        if neuron.model == "sigma":
            group["sigma_output"] = True
        return
    _text(group, "type", "CUBA")
    group["iDecay"] = int(params["du"]) + 1
    group["vDecay"] = int(params["dv"])
    group["vThMant"] = int(params.get("vth", NEVER))
    group["refDelay"] = 1
    group["gradedSpike"] = False


def _write_dense(group: h5py.Group, layer: Layer) -> None:
    _text(group, "type", layer.kind)
    found = merged(layer)
    assert found is not None
    weights, delays = found
    group["weight"] = weights
    group["inFeatures"], group["outFeatures"] = weights.shape[1], weights.shape[0]
    if layer.back:
        group["weight_rec"] = folded(layer.back)
    delay = delay_key(delays)
    if delay is not None:
        group["delay"] = delay


def _write_conv(group: h5py.Group, synapse: Synapse) -> None:
    _text(group, "type", "conv")
    weights, geometry = folded(synapse), synapse.geometry
    assert weights is not None
    assert geometry is not None
    flat = synapse.kind == "conv1d"
    group["weight"] = weights[:, :, None, :, None] if flat else weights[..., None]
    group["outChannels"] = weights.shape[0]
    group["inChannels"] = weights.shape[1] * geometry.groups
    group["kernelSize"] = np.array(group["weight"].shape[2:4])
    for key, neutral in (("stride", 1), ("padding", 0), ("dilation", 1)):
        values = getattr(geometry, key)
        group[key] = np.array([neutral, *values] if flat else values, dtype=np.int64)
    group["groups"] = geometry.groups
