"""Layers that are a weight and a bias: what is folded into them, and their NIR nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

from neurodeploy.frontends.tracer import wiring
from neurodeploy.frontends.tracer.arrays import to_array, to_float64
from neurodeploy.frontends.tracer.operations import Scaling, Shape, Shift, Wiring

Array = np.ndarray[Any, np.dtype[Any]]
Layers = Sequence[Any]  # the layer and what follows it channel by channel
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def affine(layers: Layers) -> tuple[Array, Array | None]:
    """Weight and bias of a linear layer with what follows it folded in.

    w' = w f and b' = b f + o, with factor f and offset o of each follower. Unfolded they keep the
    module's precision; folded they are float64.
    """
    first, *followers = layers
    weight = to_array(first.weight)
    bias = None if first.bias is None else to_array(first.bias)
    for module in followers:
        factor, offset = channelwise(module)
        if factor is not None:
            weight = weight.astype(np.float64) * factor.reshape(-1, *[1] * (weight.ndim - 1))
            bias = None if bias is None else bias.astype(np.float64) * factor
        if offset is not None:
            bias = offset if bias is None else bias.astype(np.float64) + offset
    return weight, bias


def channelwise(module: Any) -> tuple[Array | None, Array | None]:
    """Factor and offset per channel: y = factor x + offset. None where there is none.

    Batch norm: factor = scale / sqrt(var + eps), offset = shift - mean factor.
    """
    if isinstance(module, Scaling | Shift):
        values = module.values.reshape(len(module.values), -1)[:, 0]
        values = values.astype(np.float64)
        return (values, None) if isinstance(module, Scaling) else (None, values)
    factor = 1.0 / np.sqrt(to_float64(module.running_var) + module.eps)
    shift = np.zeros_like(factor)
    if module.affine:
        factor = factor * to_float64(module.weight)
        shift = to_float64(module.bias)
    return factor, shift - to_float64(module.running_mean) * factor


def is_channelwise(module: nn.Module, shape: Shape) -> bool:
    """Whether the module gives each channel of `(C, ...)` one factor and one offset."""
    if isinstance(module, Scaling | Shift):
        per_channel = module.values.reshape(shape[0], -1)
        return bool(np.all(per_channel == per_channel[:, :1]))
    return isinstance(module, BATCH_NORMS) and module.running_mean is not None


def has_bias(layers: Layers) -> bool:
    """Whether the layers answer zeros with something else than zeros."""
    return any(
        isinstance(m, (*BATCH_NORMS, Shift)) or getattr(m, "bias", None) is not None for m in layers
    )


def linear(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    weight, bias = affine(layers)
    return nir.Linear(weight=weight) if bias is None else nir.Affine(weight=weight, bias=bias)


def convolution(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    module = layers[0]
    weight, bias = affine(layers)
    return convolution_node(
        weight,
        bias,
        in_shape,
        stride=tuple(int(s) for s in module.stride),
        padding=_padding(module),
        dilation=tuple(int(d) for d in module.dilation),
        groups=module.groups,
    )


def convolution_node(
    weight: Array,
    bias: Array | None,
    in_shape: Shape,
    *,
    stride: tuple[int, ...],
    padding: str | tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> nir.NIRNode:
    """Conv1d for an input `(C, L)`, Conv2d for `(C, H, W)`. A missing bias is one of zeros."""
    bias = np.zeros(weight.shape[0], dtype=weight.dtype) if bias is None else bias
    if len(in_shape) == 3:
        return nir.Conv2d(in_shape[1:], weight, stride, padding, dilation, groups, bias)
    pad = padding if isinstance(padding, str) else padding[0]
    return nir.Conv1d(in_shape[1], weight, stride[0], pad, dilation[0], groups, bias)


def _padding(module: Any) -> str | tuple[int, ...]:
    """Padding per axis; "same" only where it is one more on one side than on the other."""
    if module.padding == "valid":
        return (0,) * len(module.kernel_size)
    if module.padding != "same":
        return tuple(int(p) for p in module.padding)
    total = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
    return "same" if any(n % 2 for n in total) else tuple(n // 2 for n in total)


def alone(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    """A factor and an offset per channel as a diagonal Affine, or a Conv of 1 tap per channel."""
    (module,) = layers
    channels = in_shape[0]
    factor, offset = channelwise(module) if len(in_shape) > 1 else _elementwise(module)
    factor = np.ones(channels) if factor is None else factor
    if len(in_shape) == 1:
        assert offset is not None
        return nir.Affine(weight=np.diag(factor), bias=offset)
    axes = len(in_shape) - 1
    ones, zeros = (1,) * axes, (0,) * axes
    weight = factor.reshape(channels, 1, *ones)
    return convolution_node(
        weight, offset, in_shape, stride=ones, padding=zeros, dilation=ones, groups=channels
    )


def _elementwise(module: Any) -> tuple[Array | None, Array | None]:
    return (None, module.values) if isinstance(module, Shift) else channelwise(module)


def takes_wiring(layers: Layers, moved: Wiring) -> bool:
    """Whether the wiring before a linear layer can go into its weights, and makes less of them."""
    index = _columns(layers[0], moved)
    if index is None:
        return False
    outputs, columns = layers[0].weight.shape[0], moved.in_shape[0]
    taps = layers[0].weight[0, 0].numel()
    return bool(outputs * columns * taps <= index.size * (columns + outputs * taps))


def _columns(module: Any, moved: Wiring) -> Array | None:
    """For each input channel of the layer the channel, counted from 1, that it gets; 0: none."""
    if isinstance(module, nn.Linear):
        return moved.index if moved.index.ndim == 1 == len(moved.in_shape) else None
    found = wiring.window(moved) if module.groups == 1 else None
    if found is None or moved.index.shape[1:] != moved.in_shape[1:]:
        return None
    channels, axes = found
    return channels + 1 if all(axis == (0, 1) for axis in axes) else None


def rewired(layers: Layers, moved: Wiring, with_bias: bool) -> nn.Module:
    """The linear layer that does on the wiring's input what `layers` do on its output."""
    module = layers[0]
    weight, bias = affine(layers)
    index = _columns(module, moved)
    assert index is not None
    columns = np.zeros((weight.shape[0], moved.in_shape[0], *weight.shape[2:]), dtype=weight.dtype)
    for column in np.flatnonzero(index):
        columns[:, index[column] - 1] += weight[:, column]
    return like(module, columns, bias if with_bias else None)


def like(module: Any, weight: Array | torch.Tensor, bias: Array | torch.Tensor | None) -> nn.Module:
    """A layer with the options of a Linear or Conv and other weights."""
    if isinstance(module, nn.Linear):
        made: Any = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    else:
        made = type(module)(
            weight.shape[1] * module.groups,
            weight.shape[0],
            module.kernel_size,
            stride=module.stride,
            padding=module.padding,
            dilation=module.dilation,
            groups=module.groups,
            bias=False,
            device="meta",
        )
    made.weight = as_parameter(weight)
    made.bias = None if bias is None else as_parameter(bias)
    layer: nn.Module = made
    return layer


def as_parameter(values: Array | torch.Tensor) -> nn.Parameter:
    tensor = torch.from_numpy(values) if isinstance(values, np.ndarray) else values.detach()
    return nn.Parameter(tensor, requires_grad=False)
