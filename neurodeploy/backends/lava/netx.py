"""Writes fixed Programs as lava-dl's netx HDF5 (`.net`), and names what that format cannot say.

A netx file is a strict sequence of layers. Its loader maps CUBA to Lava's LIF with vth = vThMant,
du = iDecay - 1, dv = vDecay and a bias exponent of 6; weights have no exponent; a population has one
value of each parameter. A final read-out is written as a CUBA with the largest threshold, 131071: it
is one as long as that is not reached. The number of message bits of a graded input is not in the file:
`Network(net_config, input_message_bits=...)` takes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurodeploy.errors import Diagnostic, UnsupportedPrimitive
from neurodeploy.ir.arithmetic import BIAS_MANTISSA_MAX, THRESHOLD_MANTISSA_MAX
from neurodeploy.ir.files import write_whole
from neurodeploy.ir.program import Neuron, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
NETX_BIAS_EXP = 6
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
    for before, name in zip(chain, chain[1:], strict=False):
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
    fits = -BIAS_MANTISSA_MAX - 1 <= mantissa.min() and mantissa.max() <= BIAS_MANTISSA_MAX
    return mantissa if fits and np.array_equal(mantissa << NETX_BIAS_EXP, effective) else None


def _weight_problems(layer: Layer) -> Iterator[Diagnostic]:
    for synapse in filter(None, (layer.forward, layer.back)):
        where = f"synapse {synapse.name}"
        if synapse.delay - 1 > NETX_MAX_DELAY or (layer.is_conv and synapse.delay != 1):
            yield Diagnostic(where, "netx-delay", f"delay {synapse.delay} cannot be said")
        if layer.back is not None and (synapse.delay != 1 or layer.is_conv):
            detail = "a recurrent layer is dense and without delay"
            yield Diagnostic(where, "netx-recurrent", detail)
        if _folded(synapse) is None:
            detail = f"weights << {synapse.weight_exp} do not stay within [-256, 254]"
            yield Diagnostic(where, "netx-weight-exp", detail)
            return
    if not layer.is_conv and not _survives_loading(layer):
        detail = "the loader's choice of weight bits and exponent would change the weights"
        yield Diagnostic(f"synapse {layer.forward.name}", "netx-weights", detail)


def _folded(synapse: Synapse) -> Array | None:
    """Dense weights with the exponent folded in, or None if that is not exact."""
    weights = synapse.weights.toarray() if synapse.kind == "sparse" else synapse.weights
    weights = np.asarray(weights).astype(np.int64)
    exponent = synapse.weight_exp
    folded = weights << exponent if exponent > 0 else weights >> -exponent
    # a sum is shifted once, so a right shift of the weights is exact only if nothing falls off
    exact = exponent >= 0 or np.array_equal(folded << -exponent, weights)
    mixed = folded.min(initial=0) < 0 < folded.max(initial=0)
    low, high = (-256, 254) if mixed else (-255, 255)
    return folded if exact and low <= folded.min() and folded.max() <= high else None


def _survives_loading(layer: Layer) -> bool:
    """Whether Lava holds the weights after lava-dl's `optimize_weight_bits` as they were.

    The loader scales by 2^scale_bits and passes no sign mode on; Lava then guesses one per synapse,
    clips and truncates. -1 alone, for one, becomes -256, is clipped to -255 and truncated to 0.
    """
    parts = [w for s in (layer.forward, layer.back) if s is not None for w in [_folded(s)]]
    assert all(part is not None for part in parts)
    together = np.concatenate([part.ravel() for part in parts if part is not None])
    low, high = int(together.min()), int(together.max())
    if low == high == 0:
        return False  # the loader divides by the largest weight
    signed = low < 0 <= high
    if signed:
        scale = min(127 / high if high else np.inf, -128 / low)
    else:
        scale = 255 / high if low >= 0 else -256 / low
    scale_bits = int(np.floor(np.log2(scale))) + signed
    trailing = max((n for n in range(9) if not (together % (1 << n)).any()), default=0)
    bits = 8 - scale_bits - (trailing - signed)
    return all(_kept(part, scale_bits, bits) for part in parts if part is not None)


def _kept(weights: Array, scale_bits: int, bits: int) -> bool:
    """Lava's clip and truncation of `weights << scale_bits`, compared with itself."""
    if scale_bits < 0:
        return False
    scaled = weights << scale_bits
    mixed = bool(scaled.min() < 0 < scaled.max())
    sign = -1 if scaled.max() <= 0 and scaled.min() < 0 else 1
    drop = 8 - bits + mixed
    if drop < 0:
        return False
    clipped = np.clip(sign * scaled, -256 if mixed else 0, 255)
    return np.array_equal((clipped >> drop) << drop, sign * scaled)


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
    group["vThMant"] = int(params.get("vth", THRESHOLD_MANTISSA_MAX))
    group["refDelay"] = 1
    group["gradedSpike"] = False


def _write_dense(group: h5py.Group, layer: Layer) -> None:
    _text(group, "type", "dense_rec" if layer.back else "dense")
    weights = _folded(layer.forward)
    assert weights is not None
    group["weight"] = weights
    group["inFeatures"], group["outFeatures"] = weights.shape[1], weights.shape[0]
    if layer.back:
        group["weight_rec"] = _folded(layer.back)
    if layer.forward.delay > 1:
        group["delay"] = np.full(weights.shape[1], layer.forward.delay - 1, dtype=np.int64)


def _write_conv(group: h5py.Group, synapse: Synapse) -> None:
    _text(group, "type", "conv")
    weights, geometry = _folded(synapse), synapse.geometry
    assert weights is not None and geometry is not None
    flat = synapse.kind == "conv1d"
    group["weight"] = weights[:, :, None, :, None] if flat else weights[..., None]
    group["outChannels"] = weights.shape[0]
    group["inChannels"] = weights.shape[1] * geometry.groups
    group["kernelSize"] = np.array(group["weight"].shape[2:4])
    for key, neutral in (("stride", 1), ("padding", 0), ("dilation", 1)):
        values = getattr(geometry, key)
        group[key] = np.array([neutral, *values] if flat else values, dtype=np.int64)
    group["groups"] = geometry.groups
