"""How many connections an activation reaches: the arithmetic behind the torch counter.

The fan-out map of a convolution is its adjoint applied to ones, with every nonzero weight as 1. An
activation's effective operations are its fan-out, so that borders, stride, dilation, groups and
zero weights are exact. Without zero weights the map is a product over the axes, and its sum is the
dense count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Ops = tuple[int, int, int]


class Fanout:
    """Fan-out maps of one run, kept by geometry and, if pruned, by the pattern of weights."""

    def __init__(self) -> None:
        self._maps: dict[Any, Tensor] = {}

    def dense(self, x: Tensor, weight: Tensor, out: Tensor, geometry: Sequence[Any]) -> Tensor:
        """int64 `(1, 1, *spatial)`: connections of an element, zero weights included."""
        key = (x.shape[1:], weight.shape, out.shape[1:], repr(geometry))
        if key not in self._maps:
            self._maps[key] = _separable(x, weight, out, geometry)
        return self._maps[key]

    def effective(self, x: Tensor, weight: Tensor, out: Tensor, geometry: Sequence[Any]) -> Tensor:
        """int64, broadcastable to a sample: connections of an element with nonzero weights."""
        nonzero = weight != 0
        if bool(nonzero.all()):
            return self.dense(x, weight, out, geometry)
        pattern = nonzero.cpu().numpy().tobytes()
        key = (x.shape[1:], weight.shape, out.shape[1:], repr(geometry), pattern)
        if key not in self._maps:
            ones = torch.ones((1, *out.shape[1:]), dtype=torch.float64, device=x.device)
            self._maps[key] = _adjoint(ones, (1, *x.shape[1:]), nonzero, geometry)
        return self._maps[key]


def _separable(x: Tensor, weight: Tensor, out: Tensor, geometry: Sequence[Any]) -> Tensor:
    """Output channels that an input channel reaches, times the valid taps of each axis."""
    stride, padding, dilation, transposed, output_padding, groups = geometry
    channels = weight.shape[1] if transposed else weight.shape[0] // groups
    reach = torch.full((1, 1), channels, dtype=torch.int64, device=x.device)
    for axis, taps in enumerate(weight.shape[2:]):
        one_axis = [[values[axis]] for values in (stride, padding, dilation)]
        axis_geometry = (*one_axis, transposed, [output_padding[axis]], 1)
        ones = torch.ones((1, 1, out.shape[2 + axis]), dtype=torch.float64, device=x.device)
        kernel = torch.ones((1, 1, taps), dtype=torch.bool, device=x.device)
        along = _adjoint(ones, (1, 1, x.shape[2 + axis]), kernel, axis_geometry)[0, 0]
        reach = reach.unsqueeze(-1) * along
    return reach


def _adjoint(
    grad: Tensor, shape: tuple[int, ...], nonzero: Tensor, geometry: Sequence[Any]
) -> Tensor:
    """The convolution's adjoint on `grad`, each nonzero weight as 1; exact in float64."""
    stride, padding, dilation, transposed, output_padding, groups = geometry
    found: Tensor = torch.ops.aten.convolution_backward(
        grad,
        torch.zeros(shape, dtype=grad.dtype, device=grad.device),
        nonzero.to(grad.dtype),
        None,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        [True, False, False],
    )[0]
    return found.round().to(torch.int64)


def convolution_ops(
    x: Tensor, weight: Tensor, out: Tensor, geometry: Sequence[Any], fanout: Fanout
) -> Ops:
    """(dense MACs, effective MACs, effective ACs) of one call; x is `(B, C, ...)`.

    A sample counts as ACs if all its values are in {-1, 0, 1}, else as MACs.
    """
    dense = int(fanout.dense(x, weight, out, geometry).sum()) * x.shape[0] * x.shape[1]
    reach = fanout.effective(x, weight, out, geometry)
    per_sample = ((x != 0) * reach).flatten(1).sum(1)
    macs, acs = _split(per_sample, _ternary(x.flatten(1)))
    return dense, macs, acs


def contraction_ops(a: Tensor, b: Tensor, a_is_weight: bool, b_is_weight: bool) -> Ops:
    """(dense MACs, effective MACs, effective ACs) of a @ b; matrices, batches of them or vectors.

    The operand that is not a parameter holds the activations; a row of it (a column, if it stands
    on the right) counts as ACs if all its values are in {-1, 0, 1}. Of two activations (attention)
    either one may make the product an accumulation.
    """
    if a_is_weight and not b_is_weight:
        a, b = _transposed(b), _transposed(a)
    a = a.reshape(1, -1) if a.dim() == 1 else a
    b = b.reshape(-1, 1) if b.dim() == 1 else b
    dense = a.numel() * b.shape[-1]
    reach = (b != 0).sum(-1, dtype=torch.int64)
    per_row = ((a != 0) * reach.unsqueeze(-2)).sum(-1, dtype=torch.int64)
    binary = _ternary(a)
    if not a_is_weight and not b_is_weight:
        binary = binary | _ternary(b.flatten(-2)).unsqueeze(-1)
    macs, acs = _split(per_row, binary)
    return dense, macs, acs


def _transposed(x: Tensor) -> Tensor:
    return x if x.dim() == 1 else x.transpose(-1, -2)


def _ternary(x: Tensor) -> Tensor:
    """Whether all values along the last axis are in {-1, 0, 1}."""
    return ((x == 0) | (x.abs() == 1)).all(-1)


def _split(counts: Tensor, binary: Tensor) -> tuple[int, int]:
    acs = int(counts[binary].sum())
    return int(counts.sum()) - acs, acs
