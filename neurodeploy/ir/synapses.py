"""What a synapse does to the output of its source: the product with its weights, and its fan-out.

Products run in float64. Integers stay exact there: a sum of |weight| <= 2^8 times |message| <= 2^24
over up to 2^20 inputs is below 2^53.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from neurodeploy.ir.arithmetic import shifted
from neurodeploy.ir.mapping import Box, box_rows
from neurodeploy.ir.program import ConvGeometry, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]


def conv_output_shape(
    in_shape: tuple[int, ...], weights_shape: tuple[int, ...], geometry: ConvGeometry
) -> tuple[int, ...]:
    """(C_out, *spatial): floor((n + 2 padding - dilation (k - 1) - 1) / stride) + 1 per axis."""
    spatial = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(
            in_shape[1:],
            weights_shape[2:],
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            strict=True,
        )
    )
    return (weights_shape[0], *spatial)


def correlate(x: Array, weights: Array, geometry: ConvGeometry) -> Array:
    """torch's convolution (cross-correlation): `(B, C_in, *spatial)` to `(B, C_out, *spatial)`."""
    axes = x.ndim - 2
    pad = [(0, 0), (0, 0)] + [(p, p) for p in geometry.padding]
    kernel = weights.shape[2:]
    span = tuple(d * (k - 1) + 1 for k, d in zip(kernel, geometry.dilation, strict=True))
    windows = sliding_window_view(np.pad(x, pad), span, axis=tuple(range(2, 2 + axes)))
    steps = tuple(slice(None, None, s) for s in geometry.stride)
    taps = tuple(slice(None, None, d) for d in geometry.dilation)
    every = (slice(None), slice(None))
    index = every + steps + taps
    windows = windows[index]
    out_spatial = windows.shape[2 : 2 + axes]
    batch, channels = x.shape[:2]
    groups = geometry.groups
    # (B, g, C/g, *out, *k) -> (g, B * out, C/g * k): one matrix product per group
    grouped = windows.reshape(batch, groups, channels // groups, *out_spatial, *kernel)
    order = (1, 0, *range(3, 3 + axes), 2, *range(3 + axes, 3 + 2 * axes))
    columns = grouped.transpose(order).reshape(groups, batch * prod(out_spatial), -1)
    per_group = weights.reshape(groups, weights.shape[0] // groups, -1)
    product = columns @ per_group.transpose(0, 2, 1)
    out = product.reshape(groups, batch, *out_spatial, -1)
    out = np.moveaxis(out, -1, 2).swapaxes(0, 1)
    return out.reshape(batch, weights.shape[0], *out_spatial)


def linear(synapse: Synapse, x: Array, target_shape: tuple[int, ...]) -> Array:
    """The unshifted sum over inputs, float64: `(B, *source)` to `(B, *target)`."""
    x = np.asarray(x, dtype=np.float64)
    if synapse.kind in ("conv1d", "conv2d"):
        assert synapse.geometry is not None
        return correlate(x, np.asarray(synapse.weights, dtype=np.float64), synapse.geometry)
    flat = x.reshape(len(x), -1)
    if synapse.kind == "sparse":
        weights = synapse.weights.astype(np.float64, copy=False)
        out = np.asarray((weights @ flat.T).T)
    else:
        out = flat @ np.asarray(synapse.weights, dtype=np.float64).T
    return out.reshape(len(x), *target_shape)


def fixed_sum(synapse: Synapse, x: Array, target_shape: tuple[int, ...]) -> Array:
    """The integers that arrive at the target: sum, then shift by `weight_exp` (right is floor)."""
    total = np.rint(linear(synapse, x, target_shape)).astype(np.int64)
    return shifted(total, synapse.weight_exp)


def fan_out(
    program: Program, synapse: Synapse, *, non_zero: bool, into: Box | None = None
) -> Array:
    """Number of connections that leave each source element, shape of the source, int64.

    Padding taps are no connections. `non_zero` leaves out weights that are zero; `into` counts the
    connections to a box of the target alone.
    """
    source_shape, target_shape = program.shapes[synapse.source], program.shapes[synapse.target]
    box = into or tuple((0, n) for n in target_shape)
    if synapse.kind == "sparse":
        rows = synapse.weights[box_rows(box, target_shape)]
        chosen = rows.indices[rows.data != 0] if non_zero else rows.indices
        return np.bincount(chosen, minlength=prod(source_shape)).reshape(source_shape)
    weights = np.asarray(synapse.weights)
    if synapse.kind == "dense":
        rows = weights[box_rows(box, target_shape)]
        counts = np.count_nonzero(rows, axis=0) if non_zero else np.full(rows.shape[1], len(rows))
        return counts.reshape(source_shape)
    assert synapse.geometry is not None
    mask = (weights != 0) if non_zero else np.ones(weights.shape, dtype=bool)
    outside = np.ones(len(mask), dtype=bool)
    outside[slice(*box[0])] = False
    mask[outside] = False
    return _conv_fan_out(mask, source_shape, synapse.geometry, box[1:])


def fan_in(program: Program, synapse: Synapse) -> int:
    """The most connections with a weight that lead to one target neuron."""
    if synapse.kind == "sparse":
        rows = np.repeat(np.arange(synapse.weights.shape[0]), np.diff(synapse.weights.indptr))
        return int(np.bincount(rows[synapse.weights.data != 0], minlength=1).max())
    weights = np.asarray(synapse.weights)
    return int(np.count_nonzero(weights.reshape(len(weights), -1), axis=1).max(initial=0))


def _conv_fan_out(mask: Array, source_shape: tuple[int, ...], g: ConvGeometry, box: Box) -> Array:
    """Of connections to the outputs in a spatial `box`."""
    channels = source_shape[0]
    # connections per (input channel, tap): output channels of its group with a weight there
    per_tap = mask.reshape(g.groups, -1, *mask.shape[1:]).sum(axis=1).reshape(channels, -1)
    counts = np.zeros(source_shape, dtype=np.int64)
    for index, tap in enumerate(np.ndindex(mask.shape[2:])):
        positions = []
        for axis, k in enumerate(tap):
            at = np.arange(*box[axis]) * g.stride[axis] + g.dilation[axis] * k - g.padding[axis]
            positions.append(at[(at >= 0) & (at < source_shape[axis + 1])])
        spread = (slice(None), index) + (None,) * len(positions)
        counts[np.ix_(np.arange(channels), *positions)] += per_tap[spread]
    return counts
