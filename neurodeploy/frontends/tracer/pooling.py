"""Average pooling as NIR nodes: AvgPool2d; along one axis a Conv1d of equal weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nir
import numpy as np

from neurodeploy.frontends.tracer.linear_layers import Layers, convolution_node
from neurodeploy.frontends.tracer.operations import Shape

Problems = list[tuple[str, str, str]]
Geometry = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # kernel, stride, padding


def geometry(module: Any, axes: int) -> Geometry:
    """Kernel, stride and padding per axis, as torch reads its arguments."""
    values = (module.kernel_size, module.stride or module.kernel_size, module.padding)
    per_axis = [(v,) * axes if isinstance(v, int) else tuple(int(n) for n in v) for v in values]
    kernel, stride, padding = (v * axes if len(v) == 1 else v for v in per_axis)
    return kernel, stride, padding


def check(axes: int) -> Callable[[Any, Shape], Problems]:
    def problems(module: Any, in_shape: Shape) -> Problems:
        found = check_axes(module, in_shape, axes)
        if found:
            return found
        each = geometry(module, axes)
        gaps = [(n + 2 * p - k) % s for n, k, s, p in zip(in_shape[1:], *each, strict=True)]
        if module.ceil_mode and any(gaps):
            detail = f"ceil_mode=True on {in_shape[1:]} averages over windows that hang out"
            found.append(("ceil-mode", detail, "set ceil_mode=False"))
        if not module.count_include_pad and any(each[2]):
            detail = "count_include_pad=False divides by less at the border"
            found.append(("pool-border", detail, "set count_include_pad=True, or padding=0"))
        if getattr(module, "divisor_override", None) is not None:
            detail = f"divisor_override={module.divisor_override} is not an average"
            found.append(("divisor", detail, "leave it out and scale the next layer's weights"))
        return found

    return problems


def check_axes(module: Any, in_shape: Shape, axes: int) -> Problems:
    """torch takes an input without batch axis, too: then the batch would be the channels."""
    if len(in_shape) == axes + 1:
        return []
    name = type(module).__name__
    letters = ("C, L", "C, H, W")[axes - 1]
    detail = f"{name} on {in_shape}, expected ({letters}) behind the batch axis"
    return [("layer-axes", detail, f"give it (B, {letters})")]


def average_2d(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    return _average(geometry(layers[0], 2), in_shape)


def average_1d(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    return _average(geometry(layers[0], 1), in_shape)


def _average(each: Geometry, in_shape: Shape) -> nir.NIRNode:
    kernel, stride, padding = each
    if len(kernel) == 2:
        return nir.AvgPool2d(np.array(kernel), np.array(stride), np.array(padding))
    channels = in_shape[0]
    weight = np.full((channels, 1, *kernel), 1.0 / kernel[0])
    return convolution_node(
        weight, None, in_shape, stride=stride, padding=padding, dilation=(1,), groups=channels
    )


def check_adaptive(axes: int) -> Callable[[Any, Shape], Problems]:
    def problems(module: Any, in_shape: Shape) -> Problems:
        found = check_axes(module, in_shape, axes)
        if not found and any(n % m for n, m in zip(*_sizes(module, in_shape), strict=True)):
            name = type(module).__name__
            detail = f"{name}({module.output_size}) on {in_shape[1:]} has windows of several sizes"
            found.append(("adaptive-windows", detail, "use a size that divides the input's"))
        return found

    return problems


def _sizes(module: Any, in_shape: Shape) -> tuple[Shape, Shape]:
    wanted = module.output_size
    wanted = wanted if isinstance(wanted, tuple | list) else (wanted,) * len(in_shape[1:])
    pairs = zip(wanted, in_shape[1:], strict=True)
    return in_shape[1:], tuple(n if w is None else int(w) for w, n in pairs)


def adaptive(layers: Layers, in_shape: Shape, out_shape: Shape) -> nir.NIRNode:
    kernel = tuple(n // m for n, m in zip(*_sizes(layers[0], in_shape), strict=True))
    return _average((kernel, kernel, (0,) * len(kernel)), in_shape)
