"""How weights and neurons lie in memory for the kernel.

Neurons of a shape (C, *spatial) lie channels last, so that the targets of one tap of a convolution
are neighbours. A synapse's weights lie by source: what one message adds is read in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from neurodeploy.backends.cpu.columns import CONVOLUTION, MATRIX, SPARSE
from neurodeploy.ir.program import Synapse
from neurodeploy.ir.synapses import conv_output_shape

Array = np.ndarray[Any, np.dtype[Any]]
INT8_MAX = 127


@dataclass(frozen=True)
class Packed:
    """Weights of a synapse as the kernel reads them; see `columns` for the other fields.

    weights: flat, int8 or int16, times 2^shift the Program's integers; index: int32 table.
    """

    kind: int
    weights: Array
    shift: int
    reach: int
    index: Array
    length: int = 0
    channels: int = 0
    group: int = 0


def order(shape: tuple[int, ...]) -> Array:
    """For each place in memory the C-order index of the neuron that lies there."""
    indices = np.arange(prod(shape)).reshape(shape)
    return indices if indices.ndim < 2 else np.moveaxis(indices, 0, -1).ravel()


def pack(synapse: Synapse, source: tuple[int, ...], target: tuple[int, ...]) -> Packed:
    """The weights of a fixed synapse between populations of these shapes, by source."""
    if synapse.kind == "dense":
        return _matrix(synapse, source, target)
    if synapse.kind == "sparse":
        return _sparse(synapse, source, target)
    return _convolution(synapse, source)


def _narrow(weights: Array) -> tuple[Array, int]:
    """Weights as int8, halved if they are all even and need it, else as int16; and the shift."""
    values = np.asarray(weights, dtype=np.int64)
    for shift in (0, 1):
        smaller = values >> shift
        fits = smaller.min(initial=0) >= ~INT8_MAX and smaller.max(initial=0) <= INT8_MAX
        if fits and not (values & shift).any():
            return smaller.astype(np.int8), shift
    return values.astype(np.int16), 0


def _matrix(synapse: Synapse, source: tuple[int, ...], target: tuple[int, ...]) -> Packed:
    values, shift = _narrow(synapse.weights)
    rows = values[np.ix_(order(target), order(source))].T
    reach = int(np.abs(values.astype(np.int64)).sum(axis=1).max(initial=0))
    return Packed(MATRIX, np.ascontiguousarray(rows).ravel(), shift, reach, _no_index())


def _sparse(synapse: Synapse, source: tuple[int, ...], target: tuple[int, ...]) -> Packed:
    matrix = synapse.weights[order(target)][:, order(source)].tocsc()
    matrix.sum_duplicates()
    values, shift = _narrow(matrix.data)
    sums = np.zeros(prod(target), dtype=np.int64)
    np.add.at(sums, matrix.indices, np.abs(values.astype(np.int64)))
    index = np.concatenate([matrix.indptr, matrix.indices]).astype(np.int32)
    return Packed(SPARSE, values, shift, int(sums.max(initial=0)), index)


def _convolution(synapse: Synapse, source: tuple[int, ...]) -> Packed:
    """Weights (tap, input channel, output channel of its group); per source place the taps that
    reach an output: where that output and where those weights begin."""
    assert synapse.geometry is not None
    values, shift = _narrow(synapse.weights)
    outputs, per_group, *kernel = values.shape
    groups, taps = synapse.geometry.groups, prod(kernel)
    length, channels = outputs // groups, per_group * groups
    blocks = values.reshape(groups, length, per_group, taps).transpose(3, 0, 2, 1)
    sums = np.abs(values.astype(np.int64)).reshape(outputs, -1).sum(axis=1)
    starts, entries = _taps(synapse, source)
    entries = entries * np.array([outputs, channels * length])
    index = np.concatenate([starts, entries.ravel()]).astype(np.int32)
    weights = np.ascontiguousarray(blocks).ravel()
    reach = int(sums.max(initial=0))
    return Packed(CONVOLUTION, weights, shift, reach, index, length, channels, per_group)


def _taps(synapse: Synapse, source: tuple[int, ...]) -> tuple[Array, Array]:
    """Per source place the first of its entries, and the entries (output place, tap)."""
    g = synapse.geometry
    assert g is not None
    spatial, kernel = source[1:], synapse.weights.shape[2:]
    out = conv_output_shape(source, synapse.weights.shape, g)[1:]
    places, entries = [], []
    for number, tap in enumerate(np.ndindex(*kernel)):
        inside, reached = [], []
        for axis, k in enumerate(tap):
            at = np.arange(out[axis]) * g.stride[axis] + g.dilation[axis] * k - g.padding[axis]
            kept = (at >= 0) & (at < spatial[axis])
            inside.append(at[kept])
            reached.append(np.flatnonzero(kept))
        place = np.ravel_multi_index(np.ix_(*inside), spatial).ravel()
        output = np.ravel_multi_index(np.ix_(*reached), out).ravel()
        places.append(place)
        entries.append(np.stack([output, np.full_like(output, number)], axis=1))
    place = np.concatenate(places)
    sorted_by_place = np.argsort(place, kind="stable")
    counts = np.bincount(place, minlength=prod(spatial))
    starts = np.concatenate([[0], np.cumsum(counts)])
    return starts, np.concatenate(entries)[sorted_by_place]


def _no_index() -> Array:
    return np.zeros(0, dtype=np.int32)
