"""How many connections an activation reaches: the arithmetic behind the torch counter.

The fan-out map of a convolution is its adjoint applied to ones, with every nonzero weight as 1. An
activation's effective operations are its fan-out, so that borders, stride, dilation, groups and
zero weights are exact. With all weights as 1, the map's sum is the dense count.
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

    def map(self, x: Tensor, weight: Tensor, out: Tensor, geometry: Sequence[Any]) -> Tensor:
        """int64 `(1, *x.shape[1:])`: the connections that each element of a sample reaches."""
        nonzero = weight != 0
        pattern = b"" if bool(nonzero.all()) else nonzero.cpu().numpy().tobytes()
        key = (x.shape[1:], weight.shape, out.shape[1:], repr(geometry), pattern)
        if key not in self._maps:
            self._maps[key] = _adjoint_of_ones(x, nonzero, out, geometry)
        return self._maps[key]


def _adjoint_of_ones(x: Tensor, nonzero: Tensor, out: Tensor, geometry: Sequence[Any]) -> Tensor:
    stride, padding, dilation, transposed, output_padding, groups = geometry
    exact = torch.float64
    grad: Tensor = torch.ops.aten.convolution_backward(
        torch.ones((1, *out.shape[1:]), dtype=exact, device=x.device),
        torch.zeros((1, *x.shape[1:]), dtype=exact, device=x.device),
        nonzero.to(exact),
        None,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        [True, False, False],
    )[0]
    return grad.round().to(torch.int64)


def convolution_ops(
    x: Tensor, weight: Tensor, out: Tensor, geometry: Sequence[Any], fanout: Fanout
) -> Ops:
    """(dense MACs, effective MACs, effective ACs) of one call; x is `(B, C, ...)`.

    A sample counts as ACs if all its values are in {-1, 0, 1}, else as MACs.
    """
    dense_map = fanout.map(x, torch.ones_like(weight), out, geometry)
    reach = fanout.map(x, weight, out, geometry)
    per_sample = ((x != 0) * reach).flatten(1).sum(1)
    macs, acs = _split(per_sample, _ternary(x.flatten(1)))
    return int(dense_map.sum()) * x.shape[0], macs, acs


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
