"""Conv1d, Conv2d: torch's cross-correlation with stride, padding, dilation, groups and bias.

Shapes are our own rule: nir 1.0.8 infers the wrong ones for grouped and rectangular kernels and
accepts padding='same' with a stride.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.ir.clock import Clock
from neurodeploy.ir.graph import Linear, Shape, StepRule, stateless
from neurodeploy.ir.linear_map import LinearMap
from neurodeploy.ir.node_values import size_problem
from neurodeploy.ir.program import ConvGeometry
from neurodeploy.ir.synapses import conv_output_shape, correlate
from neurodeploy.primitives import PRIMITIVES, Role

Array = np.ndarray[Any, np.dtype[Any]]


def per_axis(node: Any, key: str, axes: int, least: int, where: str) -> tuple[int, ...]:
    """The node's `key`, one number or one per axis, as integers; VerificationError below `least`
    or for another count of them."""
    values = np.atleast_1d(np.asarray(getattr(node, key))).ravel()
    if values.size not in (1, axes) or not (values >= least).all():
        detail = f"{key} is {values.tolist()}, expected 1 or {axes} numbers from {least} up"
        raise VerificationError(Diagnostic(where, key, detail))
    return tuple(int(v) for v in np.broadcast_to(values, axes))


def check_window(shape: Shape, kernel: Shape, geometry: ConvGeometry, where: str) -> None:
    """VerificationError for a kernel that is larger than the padded input `(C, *spatial)`, and for
    padding beyond all memory."""
    padded = (shape[0], *(n + 2 * p for n, p in zip(shape[1:], geometry.padding, strict=True)))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, geometry.dilation, strict=True)]
    problem = size_problem(padded, "padded to ")
    if problem is None and any(s > n for s, n in zip(spans, padded[1:], strict=True)):
        problem = ("shape", f"input {shape} is smaller than the kernel {kernel}", "")
    if problem is not None:
        raise VerificationError(Diagnostic(where, *problem))


def _same_padding(weights: Array, dilation: Shape) -> tuple[Array, Shape, Shape]:
    """Weights, padding and dilation that give torch's 'same'.

    An odd total pads one more on the far side. That equals symmetric padding of a kernel with its
    dilation written out as zeros and one more zero in front.
    """
    dilation, padding = tuple(dilation), []
    for axis, d in enumerate(dilation):
        taps = weights.shape[2 + axis]
        total = d * (taps - 1)
        padding.append((total + 1) // 2)
        if total % 2:
            spread = np.zeros((*weights.shape[: 2 + axis], total + 2, *weights.shape[3 + axis :]))
            at = [slice(None)] * weights.ndim
            at[2 + axis] = slice(1, None, d)
            spread[tuple(at)] = weights
            weights, dilation = spread, (*dilation[:axis], 1, *dilation[axis + 1 :])
    return weights, tuple(padding), dilation


def _padded(
    node: Any, shape: Shape, weights: Array, steps: tuple[Shape, Shape], where: str
) -> tuple[Array, Shape, Shape]:
    """Weights, padding and dilation for a padding in numbers or one of torch's words.

    steps: stride and dilation.
    """
    stride, dilation = steps
    axes = len(stride)
    if not isinstance(node.padding, str | bytes):
        return weights, per_axis(node, "padding", axes, 0, where), dilation
    word = node.padding.decode() if isinstance(node.padding, bytes) else node.padding
    if word == "valid":
        return weights, (0,) * axes, dilation
    if word != "same":
        detail = f"{word!r} is neither 'same' nor 'valid' nor a number"
        raise VerificationError(Diagnostic(where, "padding", detail))
    if set(stride) != {1}:
        detail = f"'same' with stride {stride} has no meaning in torch"
        raise VerificationError(Diagnostic(where, "padding", detail, "pad explicitly"))
    kernel = weights.shape[2:]
    total = (d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    wide = ConvGeometry(stride, tuple((n + 1) // 2 for n in total), dilation)
    check_window(shape, kernel, wide, where)
    return _same_padding(weights, dilation)


class ConvRule:
    """One rule for both: `axes` spatial axes, input `(C_in, *spatial)`."""

    role: Role = "map"

    def __init__(self, axes: int) -> None:
        self.axes = axes

    def _parts(self, node: Any, shape: Shape, where: str) -> tuple[Array, ConvGeometry]:
        """Checked weights and geometry."""
        weights = np.asarray(node.weight, dtype=np.float64)
        groups = int(np.asarray(node.groups))
        if weights.ndim != 2 + self.axes or len(shape) != 1 + self.axes:
            detail = f"weight has shape {weights.shape}, input {shape}"
            raise VerificationError(Diagnostic(where, "shape", detail))
        if weights.shape[1] * groups != shape[0] or weights.shape[0] % groups:
            detail = f"weight {weights.shape} in {groups} groups does not take {shape[0]} channels"
            raise VerificationError(Diagnostic(where, "shape", detail))
        if node.bias is not None and np.size(node.bias) not in (1, weights.shape[0]):
            detail = f"bias has shape {np.shape(node.bias)}, expected ({weights.shape[0]},)"
            raise VerificationError(Diagnostic(where, "shape", detail))
        stride = per_axis(node, "stride", self.axes, 1, where)
        dilation = per_axis(node, "dilation", self.axes, 1, where)
        weights, padding, dilation = _padded(node, shape, weights, (stride, dilation), where)
        geometry = ConvGeometry(stride, padding, dilation, groups)
        check_window(shape, weights.shape[2:], geometry, where)
        return weights, geometry

    def output_shape(self, node: Any, shape: Shape, where: str) -> Shape:
        weights, geometry = self._parts(node, shape, where)
        return conv_output_shape(shape, weights.shape, geometry)

    def _bias(self, node: Any) -> Array:
        """One value per output channel, ready to be added to `(C_out, *spatial)`."""
        bias = 0.0 if node.bias is None else node.bias
        return np.asarray(bias, dtype=np.float64).reshape(-1, *[1] * self.axes)

    def interpret(self, node: Any, shape: Shape, clock: Clock, where: str) -> StepRule:
        weights, geometry = self._parts(node, shape, where)
        bias = self._bias(node)
        return stateless(lambda x: correlate(x, weights, geometry) + bias)

    def lower(self, node: Any, shape: Shape, clock: Clock, where: str) -> Linear:
        weights, geometry = self._parts(node, shape, where)
        out = conv_output_shape(shape, weights.shape, geometry)
        kind: Any = f"conv{self.axes}d"
        bias = self._bias(node)
        full = np.broadcast_to(bias, out) if np.any(bias) else None
        return Linear(LinearMap(kind, shape, out, weights, geometry), full)

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        rng = np.random.default_rng(0)
        if self.axes == 1:
            weights = rng.normal(size=(4, 1, 3))
            node = nir.Conv1d(9, weights, 2, 1, 1, 2, rng.normal(size=4))
            return ((node, (2, 9)),)
        weights = rng.normal(size=(4, 2, 3, 2))
        node = nir.Conv2d((6, 5), weights, (1, 2), (1, 0), (1, 1), 1, rng.normal(size=4))
        return ((node, (2, 6, 5)),)


PRIMITIVES.register("Conv1d", ConvRule(1))
PRIMITIVES.register("Conv2d", ConvRule(2))
