"""Writes fixed Programs as lava-dl's netx HDF5 (`.net`), and names what that format cannot say.

A netx file is a strict sequence of layers. Its loader maps CUBA to Lava's LIF with vth = vThMant,
du = iDecay - 1, dv = vDecay and a bias exponent of 6; weights have no exponent; a population has
one value of each parameter. A final read-out is written as slayer writes its own, a CUBA with a
threshold that no membrane can reach. The number of message bits of a graded input is not in the
file: `Network(net_config, input_message_bits=...)` takes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurodeploy.backends.lava.netx_weights import folded, survives_loading
from neurodeploy.errors import Diagnostic, UnsupportedPrimitive
from neurodeploy.ir.arithmetic import BIAS_MANTISSA_MAX
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.whole_files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]
NETX_BIAS_EXP = 6
NEVER = (1 << 18) - 1  # slayer's `Affine`: << 6 it is beyond 24 bits
NETX_MAX_DELAY = 62
SEQUENTIAL = "netx is strictly sequential"


@dataclass(frozen=True)
class Layer:
    """A population with the synapse that feeds it forward and, if there is one, back to itself."""

    neuron: Neuron
    forward: Synapse
    back: Synapse | None

    @property
    def is_conv(self) -> bool:
        return self.forward.kind.startswith("conv")


def write_netx(path: str | Path, program: Program) -> None:
    """Writes a `.net` file. Raises UnsupportedPrimitive naming all that netx cannot say."""
    problems = netx_problems(program)
    if problems:
        raise UnsupportedPrimitive(problems)

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w") as file:
            groups = file.create_group("layer")
            _write_input(groups.create_group("0"), program)
            previous_conv = False
            for layer in layers(program):
                if previous_conv and not layer.is_conv:
                    _text(groups.create_group(str(len(groups))), "type", "flatten")
                _write_layer(groups.create_group(str(len(groups))), layer)
                previous_conv = layer.is_conv

    write_whole(Path(path), write)


def netx_problems(program: Program) -> list[Diagnostic]:
    """Why netx cannot say the Program; empty if it can."""
    problems = list(_sequence_problems(program))
    if problems:
        return problems
    found = layers(program)
    for layer, following in zip(found, [*found[1:], None], strict=True):
        problems += _neuron_problems(layer.neuron, last=following is None)
        problems += _weight_problems(layer)
        if following is not None and following.is_conv and not layer.is_conv:
            detail = "a convolution cannot follow a dense layer"
            problems.append(Diagnostic(f"synapse {following.forward.name}", "netx-order", detail))
    return problems


def layers(program: Program) -> list[Layer]:
    """The Program's populations in order; the Program has to be a sequence."""
    found = []
    for name in program.order:
        incoming = program.incoming(name)
        forward = next(s for s in incoming if s.source != name)
        back = next((s for s in incoming if s.source == name), None)
        found.append(Layer(program.neuron(name), forward, back))
    return found


def _sequence_problems(program: Program) -> Iterator[Diagnostic]:
    if program.arithmetic != "fixed":
        yield Diagnostic(program.name, "netx-fixed", "a netx file holds integers")
    if len(program.inputs) != 1:
        yield Diagnostic(program.name, "netx-input", f"{len(program.inputs)} inputs; {SEQUENTIAL}")
        return
    chain = [program.inputs[0].name, *program.order]
    for before, name in pairwise(chain):
        sources = sorted(s.source for s in program.incoming(name))
        if sources not in ([before], sorted([before, name])):
            detail = f"is fed by {', '.join(sources) or 'nothing'}; {SEQUENTIAL}"
            yield Diagnostic(f"neuron {name}", "netx-sequence", detail)
    if program.outputs != (chain[-1],):
        detail = f"{', '.join(program.outputs)}; only the last layer, {chain[-1]}, can be one"
        yield Diagnostic("outputs", "netx-output", detail)


def _neuron_problems(neuron: Neuron, last: bool) -> Iterator[Diagnostic]:
    where = f"neuron {neuron.name}"
    if neuron.model != "cuba_lif" and not (neuron.model == "integrator" and last):
        yield Diagnostic(where, "netx-neuron", f"{neuron.model} has no CUBA equivalent here")
    if np.any(np.asarray(neuron.params["v_init"]) != 0):
        yield Diagnostic(where, "netx-v-init", "netx starts every membrane at 0")
    if _bias_mantissa(neuron) is None:
        detail = f"the bias is no 13-bit mantissa << {NETX_BIAS_EXP}"
        yield Diagnostic(where, "netx-bias", detail)


def _bias_mantissa(neuron: Neuron) -> Array | None:
    """The bias as integers << 6, shape of the population, or None."""
    bias = np.broadcast_to(np.asarray(neuron.params["bias"], dtype=np.int64), neuron.shape)
    effective = bias << int(neuron.params["bias_exp"])
    mantissa = effective >> NETX_BIAS_EXP
    fits = mantissa.min() >= -BIAS_MANTISSA_MAX - 1 and mantissa.max() <= BIAS_MANTISSA_MAX
    return mantissa if fits and np.array_equal(mantissa << NETX_BIAS_EXP, effective) else None


def _weight_problems(layer: Layer) -> Iterator[Diagnostic]:
    parts = []
    for synapse in filter(None, (layer.forward, layer.back)):
        where = f"synapse {synapse.name}"
        if synapse.delay - 1 > NETX_MAX_DELAY or (layer.is_conv and synapse.delay != 1):
            yield Diagnostic(where, "netx-delay", f"delay {synapse.delay} cannot be said")
        if layer.back is not None and (synapse.delay != 1 or layer.is_conv):
            detail = "a recurrent layer is dense and without delay"
            yield Diagnostic(where, "netx-recurrent", detail)
        weights = folded(synapse)
        if weights is None:
            detail = f"weights << {synapse.weight_exp} do not stay within [-256, 254]"
            yield Diagnostic(where, "netx-weight-exp", detail)
            return
        parts.append(weights)
    if not layer.is_conv and not survives_loading(parts):
        detail = "the loader's choice of weight bits and exponent would change the weights"
        yield Diagnostic(f"synapse {layer.forward.name}", "netx-weights", detail)


def _text(group: h5py.Group, key: str, value: str) -> None:
    group.create_dataset(key, data=np.array([value.encode("ascii")]))


def _write_input(group: h5py.Group, program: Program) -> None:
    _text(group, "type", "input")
    group["shape"] = np.array(image(program.inputs[0].shape), dtype=np.int64)


def image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(C, L) as an image of height 1; any other shape as it is."""
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def _write_layer(group: h5py.Group, layer: Layer) -> None:
    neuron = layer.neuron
    _write_neuron(group.create_group("neuron"), neuron)
    bias = _bias_mantissa(neuron)
    assert bias is not None
    if layer.is_conv:
        group["shape"] = np.array(image(neuron.shape), dtype=np.int64)
        _write_conv(group, layer.forward)
        bias = bias.reshape(image(neuron.shape)).transpose()  # (W, H, C)
    else:
        group["shape"] = np.array([neuron.size, 1, 1], dtype=np.int64)
        _write_dense(group, layer)
        bias = bias.ravel()
    if bias.any():
        group["bias"] = bias


def _write_neuron(group: h5py.Group, neuron: Neuron) -> None:
    params = neuron.params
    _text(group, "type", "CUBA")
    group["iDecay"] = int(params["du"]) + 1
    group["vDecay"] = int(params["dv"])
    group["vThMant"] = int(params.get("vth", NEVER))
    group["refDelay"] = 1
    group["gradedSpike"] = False


def _write_dense(group: h5py.Group, layer: Layer) -> None:
    _text(group, "type", "dense_rec" if layer.back else "dense")
    weights = folded(layer.forward)
    assert weights is not None
    group["weight"] = weights
    group["inFeatures"], group["outFeatures"] = weights.shape[1], weights.shape[0]
    if layer.back:
        group["weight_rec"] = folded(layer.back)
    if layer.forward.delay > 1:
        group["delay"] = np.full(weights.shape[1], layer.forward.delay - 1, dtype=np.int64)


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
