"""Moving values: which wirings are sums, cut-outs and permutations that NIR's nodes can say.

A wiring is sayable if it is a Flatten, a map of 0 and 1 between vectors, or one that picks channels
and a window along the other axes, which is a convolution with one 1 per output channel.
"""

from __future__ import annotations

from math import prod
from typing import Any

import nir
import numpy as np

from neurodeploy.frontends.tracer.operations import Shape, Wiring

Array = np.ndarray[Any, np.dtype[Any]]


def compose(outer: Wiring, inner: Wiring) -> Wiring:
    """The wiring that applies `inner` and then `outer`."""
    with_nothing = np.concatenate([[0], inner.index.ravel()])
    made = Wiring(with_nothing[outer.index], inner.in_shape)
    made.function, made.where = outer.function, outer.where
    return made


def is_identity(wiring: Wiring) -> bool:
    return wiring.index.shape == wiring.in_shape and keeps_order(wiring)


def keeps_order(wiring: Wiring) -> bool:
    """Whether all values stay in their order: only the shape may change."""
    size = prod(wiring.in_shape)
    return wiring.index.size == size and np.array_equal(wiring.index.ravel(), 1 + np.arange(size))


def factors(wiring: Wiring) -> tuple[Wiring, ...] | None:
    """Wirings that are one node each and together, first one first, the given one; None if none."""
    if is_identity(wiring):
        return ()
    shape = wiring.index.shape
    if keeps_order(wiring) and merged_axes(wiring.in_shape, shape) is not None:
        return (wiring,)
    if len(shape) == 1 and len(wiring.in_shape) > 1:
        size = prod(wiring.in_shape)
        flatten = Wiring(1 + np.arange(size), wiring.in_shape)
        rest = factors(Wiring(wiring.index, (size,)))
        return (flatten, *rest) if rest is not None else None
    return (wiring,) if len(shape) == 1 or window(wiring) is not None else None


def merged_axes(in_shape: Shape, out_shape: Shape) -> tuple[int, int] | None:
    """First and last of the axes that a reshape makes one, if it does that and nothing else."""
    merged = len(in_shape) - len(out_shape) + 1
    if merged < 2:
        return None
    for i in range(len(out_shape)):
        joined = prod(in_shape[i : i + merged])
        if (*in_shape[:i], joined, *in_shape[i + merged :]) == out_shape:
            return i, i + merged - 1
    return None


def window(wiring: Wiring) -> tuple[Array, tuple[tuple[int, int], ...]] | None:
    """The channel that each output channel picks (-1: none) and (start, stride) per further axis.

    Output position p holds the input at start + stride p, and 0 where that is outside.
    """
    shape, in_shape = wiring.index.shape, wiring.in_shape
    if len(shape) != len(in_shape) or not 2 <= len(shape) <= 3:
        return None
    positions = np.nonzero(wiring.index)
    if not positions[0].size:
        return None
    taken = np.unravel_index(wiring.index[positions] - 1, in_shape)
    channels = np.full(shape[0], -1)
    channels[positions[0]] = taken[0]
    axes = tuple(_progression(p, t) for p, t in zip(positions[1:], taken[1:], strict=True))
    found = channels, axes
    return (
        found if np.array_equal(_windowed(channels, axes, shape, in_shape), wiring.index) else None
    )


def _progression(positions: Array, taken: Array) -> tuple[int, int]:
    """(start, stride) of the line through the first and the last point."""
    low, high = int(np.argmin(positions)), int(np.argmax(positions))
    steps = int(positions[high] - positions[low])
    stride = max(int(taken[high] - taken[low]) // steps, 1) if steps else 1
    return int(taken[low]) - stride * int(positions[low]), stride


def _windowed(
    channels: Array, axes: tuple[tuple[int, int], ...], shape: Shape, in_shape: Shape
) -> Array:
    """The index array that a pick of channels and a window give."""
    coordinates = [channels]
    coordinates += [a + s * np.arange(n) for (a, s), n in zip(axes, shape[1:], strict=True)]
    grid = np.meshgrid(*coordinates, indexing="ij")
    inside = np.all([(c >= 0) & (c < n) for c, n in zip(grid, in_shape, strict=True)], axis=0)
    flat = np.ravel_multi_index(tuple(np.where(inside, c, 0) for c in grid), in_shape)
    return np.where(inside, flat + 1, 0)


def to_node(wiring: Wiring) -> nir.NIRNode:
    """The node of a wiring that `factors` gave."""
    shape, in_shape = wiring.index.shape, wiring.in_shape
    merged = merged_axes(in_shape, shape) if keeps_order(wiring) else None
    if merged is not None:
        start, end = merged
        last = -1 if end == len(in_shape) - 1 else end
        return nir.Flatten(input_type={"input": np.array(in_shape)}, start_dim=start, end_dim=last)
    if len(shape) == 1:
        return nir.Linear(weight=ones_at(wiring.index, in_shape[0]))
    found = window(wiring)
    assert found is not None
    return _convolution(*found, shape, in_shape)


def ones_at(index: Array, columns: int) -> Array:
    """The matrix with a 1 in each row, at column index - 1; a row of zeros where the index is 0."""
    weight = np.zeros((index.size, columns), dtype=np.float32)
    rows = np.flatnonzero(index)
    weight[rows, index[rows] - 1] = 1.0
    return weight


def _convolution(
    channels: Array, axes: tuple[tuple[int, int], ...], shape: Shape, in_shape: Shape
) -> nir.NIRNode:
    geometry = [_kernel(*a, n, m) for a, n, m in zip(axes, in_shape[1:], shape[1:], strict=True)]
    taps, sizes, paddings = (tuple(values) for values in zip(*geometry, strict=True))
    alone = np.array_equal(channels, np.arange(in_shape[0]))
    weight = np.zeros((shape[0], 1 if alone else in_shape[0], *sizes), dtype=np.float32)
    picked = np.flatnonzero(channels >= 0)
    column = np.zeros_like(picked) if alone else channels[picked]
    places: tuple[Any, ...] = (picked, column, *taps)
    weight[places] = 1.0
    options: dict[str, Any] = {
        "weight": weight,
        "groups": in_shape[0] if alone else 1,
        "bias": np.zeros(shape[0], dtype=np.float32),
    }
    strides = tuple(stride for _, stride in axes)
    if len(sizes) == 1:
        return nir.Conv1d(
            in_shape[1], stride=strides[0], padding=paddings[0], dilation=1, **options
        )
    return nir.Conv2d(in_shape[1:], stride=strides, padding=paddings, dilation=(1, 1), **options)


def _kernel(start: int, stride: int, size: int, out_size: int) -> tuple[int, int, int]:
    """(tap, kernel size, padding) of a convolution that gives x[start + stride p] at p."""
    reach = start + stride * (out_size - 1)
    padding = max(-start, reach - (size - 1), 0)
    tap = start + padding
    longest = size + 2 * padding - stride * (out_size - 1)
    return tap, max(tap + 1, longest - (stride - 1)), padding
