"""How many connections an activation reaches, for convolutions and matrix products.

Where a tap lands is a question for each axis alone: the fan-out map of a convolution is the number
of nonzero weights per input channel and tap, contracted with one 0/1 table (position, tap) an axis.
Borders, stride, dilation, groups and zero weights are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurodeploy.bench.counting.values import Array, has_zero

Geometry = Sequence[Any]
Inside = tuple[tuple[int, int], ...] | None


class Fanout:
    """Fan-out maps of one run, kept by geometry and by the version of the weights.

    weights: storages (by `storage_of`) that live as long as the run; others are never kept.
    """

    def __init__(self, weights: frozenset[int]) -> None:
        self._weights = weights
        self._kept: dict[Any, Any] = {}

    def is_weight(self, x: Tensor) -> bool:
        return storage_of(x) in self._weights

    def convolution(
        self, x: Tensor, weight: Tensor, out: Tensor, geometry: Geometry
    ) -> tuple[Tensor, Tensor | None]:
        """int64 `(1 or C, S)` connections of an element: all, and those with nonzero weights.

        The latter is None where no weight is zero.
        """
        shapes = (x.shape[1:], weight.shape, out.shape[1:], _frozen(geometry), x.device)
        channels = out.shape[1] // geometry[5]
        ones = np.full((1, *weight.shape[2:]), channels, dtype=np.int64)
        dense = self._keep(shapes, lambda: _spread(ones, x, out, geometry))

        def pruned() -> Tensor | None:
            if not has_zero(weight):
                return None
            return _spread(_nonzero_taps(weight, geometry), x, out, geometry)

        return dense, self._of(weight, shapes, pruned)

    def matrix(self, b: Tensor) -> Tensor | None:
        """int64 `(G, K)`: nonzero weights in the rows of b `(G, K, N)`; None if none is zero."""

        def pruned() -> Tensor | None:
            return torch.count_nonzero(b, -1) if has_zero(b) else None

        return self._of(b, "matrix", pruned)

    def _of(self, weight: Tensor, what: Any, make: Callable[[], Any]) -> Any:
        if not self.is_weight(weight):
            return make()
        place = (storage_of(weight), weight.storage_offset(), version_of(weight))
        return self._keep((place, weight.shape, weight.stride(), what), make)

    def _keep(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


def storage_of(x: Tensor) -> int:
    """What views of one tensor share, on any device, as long as one of them lives."""
    return int(x.untyped_storage()._cdata)


def version_of(x: Tensor) -> int:
    """How often x was written to; torch does not keep count for tensors of inference_mode."""
    return 0 if x.is_inference() else x._version


def _frozen(geometry: Geometry) -> tuple[Any, ...]:
    return tuple(tuple(g) if isinstance(g, list) else g for g in geometry)


def dense_taps(
    x: Tensor, weight: Tensor, out: Tensor, geometry: Geometry, inside: Inside = None
) -> tuple[int, int]:
    """(MACs of a call with taps on padding left out, those taps), from shapes alone.

    inside: first and last position along each axis of x that is no padding; None: all of them.
    """
    stride, padding, dilation, transposed, _, groups = geometry
    swept, other = (x, out) if transposed else (out, x)
    # each element of `swept` meets a whole kernel of the channels of its group on the other side
    every = swept.numel() * (other.shape[1] // groups) * prod(weight.shape[2:])
    valid = swept.shape[0] * swept.shape[1] * (other.shape[1] // groups)
    for axis, taps in enumerate(weight.shape[2:]):
        step, pad, gap = (_at(values, axis) for values in (stride, padding, dilation))
        low, high = (0, x.shape[2 + axis]) if inside is None else inside[axis]
        if transposed:
            starts = range(low * step - pad, high * step - pad, step)
            low, high = 0, out.shape[2 + axis]
        else:
            starts = range(-pad, -pad + out.shape[2 + axis] * step, step)
        valid *= sum(low <= start + k * gap < high for start in starts for k in range(taps))
    return valid, every - valid


def _at(values: Sequence[int], axis: int) -> int:
    return values[axis] if len(values) > 1 else values[0]


def _nonzero_taps(weight: Tensor, geometry: Geometry) -> Array:
    """int64 `(C, *kernel)`: nonzero weights that an input channel has at each tap."""
    transposed, groups = geometry[3], geometry[5]
    nonzero = weight.detach() != 0
    if not transposed:
        nonzero = nonzero.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)
    return nonzero.sum(1, dtype=torch.int64).cpu().numpy()


def _spread(taps: Array, x: Tensor, out: Tensor, geometry: Geometry) -> Tensor:
    """int64 `(1 or C, S)`: what `(1 or C, *kernel)` taps come to at each input position."""
    stride, padding, dilation, transposed = geometry[:4]
    for axis in range(x.dim() - 2):
        start = np.arange(x.shape[2 + axis])[:, None]
        tap = np.arange(taps.shape[1]) * _at(dilation, axis)
        if transposed:
            met = start * _at(stride, axis) - _at(padding, axis) + tap
            reached = (met >= 0) & (met < out.shape[2 + axis])
        else:
            met, between = np.divmod(start + _at(padding, axis) - tap, _at(stride, axis))
            reached = (between == 0) & (met >= 0) & (met < out.shape[2 + axis])
        taps = np.tensordot(taps, reached.astype(np.int64), axes=(1, 1))
    return torch.from_numpy(taps.reshape(len(taps), -1)).to(x.device)
