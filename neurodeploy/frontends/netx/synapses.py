"""Weights and delays of a netx layer as synapses of a Program.

A dense layer's delays stand per target, per source or per weight: lava-dl takes as many values as
there are targets for those of the targets. Weights of one delay become one synapse, and as Lava's
delay 0 is the next step, delay d becomes d + 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from neurodeploy.frontends.netx.section import Section
from neurodeploy.ir.netx_weights import held, in_memory
from neurodeploy.ir.program import ConvGeometry, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
LONGEST_DELAY = 62
COMPLEX = ("weight: complex weights have no Program", "use a CUBA or SDNN block")
UNDELAYED = "train without delay"


@dataclass(frozen=True)
class Source:
    """What feeds a layer; `flattened` once a flatten layer stood in between."""

    name: str
    shape: tuple[int, ...]
    flattened: bool = False


def dense_synapses(layer: Section, name: str, source: Source, targets: int) -> list[Synapse]:
    """Forward synapses in the order of their delays, then the one that leads back, if any."""
    matrices = _matrices(layer, targets)
    _require_order(layer, source, matrices[0].shape[1])
    delays = _delays(layer, matrices[0].shape)
    kept, exponent = held(matrices)
    if delays is not None and delays.any():
        _note_slayer(layer, recurrent=len(kept) == 2)
    if len(kept) == 2 and delays is not None:
        if matrices[0].shape != matrices[1].shape:
            detail = f"lava-dl uses these delays, for {matrices[0].shape}, also for weight_rec"
            raise layer.unsupported("netx-delay", f"delay: {detail} {matrices[1].shape}", UNDELAYED)
        exponent = 0  # lava-dl leaves the exponent out here, though it has scaled the weights
    _note_changes(layer, matrices, kept, exponent)
    found = _delayed(layer, (f"{name}.in", source.name, name), kept[0], exponent, delays)
    if len(kept) == 2:
        found += _delayed(layer, (f"{name}.back", name, name), kept[1], exponent, delays)
    return found


def _note_changes(layer: Section, matrices: list[Array], kept: list[Array], exponent: int) -> None:
    """What the loader's choice of weight bits, and Lava's memory, leave of the file's weights."""
    stored = [np.ldexp(part.astype(np.float64), exponent) for part in kept]
    gaps = np.concatenate([np.abs(a - b).ravel() for a, b in zip(stored, matrices, strict=True)])
    if gaps.any():
        detail = f"{np.count_nonzero(gaps)} of {gaps.size} weights are not the file's"
        cause = f"by up to {gaps.max():g}: lava-dl chooses too few bits, or clips"
        layer.notes.append(f"{layer.where}: {detail} on Lava, {cause}")


def _note_slayer(layer: Section, *, recurrent: bool) -> None:
    """slayer delays what neurons send, lava-dl what reaches them: the same if only that moves them
    and the delays stand per target."""
    if recurrent:
        detail = "delay as lava-dl computes it, weight_rec too and unscaled, slayer does not"
    elif "bias" in layer and layer.numbers("bias").any():
        detail = "delay as lava-dl computes it; slayer delays what the bias causes, too"
    else:
        return
    layer.notes.append(f"{layer.where}: {detail}")


def _matrices(layer: Section, targets: int) -> list[Array]:
    if layer.is_group("weight"):
        raise layer.unsupported("netx-complex", *COMPLEX)
    keys = ("weight", "weight_rec") if layer.text("type") == "dense_rec" else ("weight",)
    matrices = []
    for key in keys:
        weights = layer.truncated(key)
        if weights.ndim == 1 and weights.size % targets == 0:
            weights = weights.reshape(targets, -1)
        columns = targets if key == "weight_rec" else weights.shape[-1] if weights.ndim else 0
        if weights.shape != (targets, columns):
            raise layer.damaged(key, f"has shape {weights.shape}, the layer has {targets} neurons")
        matrices.append(weights)
    return matrices


def _require_order(layer: Section, source: Source, columns: int) -> None:
    size = int(np.prod(source.shape))
    if columns != layer.integer("inFeatures", columns) or columns != size:
        stated = layer.integer("inFeatures", columns)
        detail = f"has {columns} columns, inFeatures is {stated}, {source.name} has {size} elements"
        raise layer.damaged("weight", detail)
    if not source.flattened and sum(n > 1 for n in source.shape) > 1:
        detail = f"{source.name} is an image, {source.shape}, and no flatten layer stands between"
        raise layer.damaged("type", detail)


def _delays(layer: Section, shape: tuple[int, ...]) -> Array | None:
    """Lava's delays, `(targets, sources)`, or None."""
    if "delay" not in layer:
        return None
    values = layer.truncated("delay")
    if values.min() < 0:
        raise layer.damaged("delay", f"{values.min()} is negative")
    if values.max() > LONGEST_DELAY:
        detail = f"delays above {LONGEST_DELAY} are cut to it, as lava-dl does"
        layer.notes.append(f"{layer.where}: {detail}")
        values = np.minimum(values, LONGEST_DELAY)
    if values.ndim == 0 or values.shape == shape:
        return np.broadcast_to(values, shape)
    if values.ndim == 1 and values.size == shape[0]:
        return np.broadcast_to(values[:, None], shape)
    if values.ndim == 1 and values.size == shape[1]:
        return np.broadcast_to(values[None, :], shape)
    raise layer.damaged("delay", f"has shape {values.shape}, the weights {shape}")


def _delayed(
    layer: Section,
    names: tuple[str, str, str],
    weights: Array,
    exponent: int,
    delays: Array | None,
) -> list[Synapse]:
    fitting = in_memory(weights, exponent)
    if fitting is None:
        detail = f"{weights.min()}..{weights.max()}, odd and of both signs: more than 8 bits"
        raise layer.unsupported("netx-weights", f"weight: {detail}", "use even weights")
    kept, weight_exp = fitting
    name, source, target = names
    found = [] if delays is None else np.unique(delays).tolist()
    if len(found) <= 1:
        delay = 1 + sum(found)
        return [Synapse(name, source, target, "dense", kept, delay, weight_exp=weight_exp)]
    parts = []
    for delay in found:
        rows, columns = np.nonzero(delays == delay)
        part = csr_array((kept[rows, columns], (rows, columns)), shape=kept.shape)
        title = f"{name}.d{delay}"
        parts.append(
            Synapse(title, source, target, "sparse", part, 1 + delay, weight_exp=weight_exp)
        )
    return parts


def conv_synapses(layer: Section, name: str, source: Source) -> list[Synapse]:
    """A convolution; Lava's Conv neither clips nor truncates, and slayer's delays per channel,
    which lava-dl's loader passes over, become one synapse per delay."""
    if layer.is_group("weight"):
        raise layer.unsupported("netx-complex", *COMPLEX)
    weights = layer.truncated("weight")
    if weights.ndim == 5 and weights.shape[4] == 1:
        weights = weights[..., 0]
    if weights.ndim != 4 or len(source.shape) != 3:
        detail = f"has shape {weights.shape} and convolves {source.shape}"
        raise layer.damaged("weight", f"{detail}; expected (C_out, C_in, kH, kW) and (C, H, W)")
    return _convolution(layer, name, source, weights, layer.integer("groups", 1))


def pool_synapses(layer: Section, name: str, source: Source) -> list[Synapse]:
    """slayer's sum pooling as a convolution per channel. lava-dl's loader refuses the layer."""
    kernel = layer.pair("kernelSize", 0)
    if len(source.shape) != 3 or 0 in kernel:
        raise layer.damaged("kernelSize", f"{kernel} on {source.shape}")
    channels, *size = source.shape
    whole = all(n % k == 0 for n, k in zip(size, kernel, strict=True))
    plain = layer.pair("stride", 1) == kernel and layer.pair("padding", 0) == (0, 0)
    if not whole or not plain or layer.pair("dilation", 1) != (1, 1):
        detail = f"slayer pools {kernel} over {tuple(size)} across the borders of channels"
        raise layer.unsupported("netx-pool", detail, "stride = kernel, which divides the image")
    weights = layer.truncated("weight").reshape(1, 1, -1)
    if weights.size != kernel[0] * kernel[1]:
        raise layer.damaged("weight", f"has {weights.size} values, the kernel is {kernel}")
    repeated = np.broadcast_to(weights.reshape(1, 1, *kernel), (channels, 1, *kernel))
    return _convolution(layer, name, source, repeated, channels)


def _convolution(
    layer: Section, name: str, source: Source, weights: Array, groups: int
) -> list[Synapse]:
    stride, padding = layer.pair("stride", 1), layer.pair("padding", 0)
    dilation = layer.pair("dilation", 1)
    channels = source.shape[0]
    if groups < 1 or weights.shape[1] * groups != channels or weights.shape[0] % groups:
        detail = f"has shape {weights.shape} with groups {groups} and {channels} channels before"
        raise layer.damaged("weight", detail)
    if 0 in stride + dilation:
        raise layer.damaged("stride", f"{stride}, dilation {dilation}: at least 1")
    span = [d * (k - 1) + 1 for d, k in zip(dilation, weights.shape[2:], strict=True)]
    if any(s > n + 2 * p for s, n, p in zip(span, source.shape[1:], padding, strict=True)):
        raise layer.damaged("weight", f"spans {span} of an image of {source.shape[1:]}")
    padded = (n + 2 * p for n, p in zip(source.shape[1:], padding, strict=True))
    layer.require_size("padding", (max(channels, len(weights)), *padded))
    fitting = in_memory(weights, 0)
    if fitting is None:
        detail = f"weight: {weights.min()}..{weights.max()}"
        detail = f"{detail} is more than 8 bits of synapse memory"
        raise layer.unsupported("netx-weights", detail, "train with 8-bit quantisation")
    kept, weight_exp = fitting
    geometry = ConvGeometry(stride, padding, dilation, groups)
    delays = _channel_delays(layer, len(kept))
    found = np.unique(delays).tolist()
    return [
        Synapse(
            f"{name}.in" if len(found) == 1 else f"{name}.in.d{delay}",
            source.name,
            name,
            "conv2d",
            np.where((delays == delay)[:, None, None, None], kept, 0),
            1 + delay,
            geometry,
            weight_exp,
        )
        for delay in found
    ]


def _channel_delays(layer: Section, channels: int) -> Array:
    if "delay" not in layer or not layer.truncated("delay").any():
        return np.zeros(channels, dtype=np.int64)
    values = layer.truncated("delay")
    if values.min() < 0 or values.size not in (1, channels) or values.max() > LONGEST_DELAY:
        raise layer.damaged("delay", f"{values.shape} values up to {values.max()}")
    if "bias" in layer and layer.numbers("bias").any():
        detail = "delay of a convolution with a bias: slayer delays what the bias causes, too"
        raise layer.unsupported("netx-delay", detail, UNDELAYED)
    detail = "delay of a convolution as slayer computes it; lava-dl's loader ignores it"
    layer.notes.append(f"{layer.where}: {detail}")
    return np.broadcast_to(values.ravel(), (channels,))
