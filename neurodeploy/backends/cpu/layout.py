"""How weights and neurons lie in memory for the kernel.

Neurons of a shape (C, *spatial) lie channels last, so that the targets of one tap of a convolution
are neighbours. A synapse's weights lie by source: what one message adds is read in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any

import numpy as np

from neurodeploy.backends.cpu.columns import CONVOLUTION, MATRIX, SPARSE
from neurodeploy.backends.cpu.deliver import SPARE
from neurodeploy.ir.program import Synapse
from neurodeploy.ir.synapses import conv_output_shape

Array = np.ndarray[Any, np.dtype[Any]]
INT8_MAX = 127
MANY = 2.5  # messages a piece from which outputs go first, measured on pilotnet's layers


@dataclass(frozen=True)
class Packed:
    """Weights of a synapse as the kernel reads them; see `columns` for the other fields.

    weights: flat, int8 or int16, times 2^shift the Program's integers; index, fields: int32 tables.
    """

    kind: int
    weights: Array
    shift: int
    reach: int
    stride: int = 0
    index: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    fields: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    many: int = 0
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
    rows = _rows(values[np.ix_(order(target), order(source))].T)
    reach = int(np.abs(values.astype(np.int64)).sum(axis=1).max(initial=0))
    return Packed(MATRIX, rows.ravel(), shift, reach, rows.shape[-1])


def _rows(weights: Array) -> Array:
    """The last axis filled up with zeros to a stride of the kernel's."""
    missing = -weights.shape[-1] % SPARE
    return np.pad(weights, [(0, 0)] * (weights.ndim - 1) + [(0, missing)])


def _sparse(synapse: Synapse, source: tuple[int, ...], target: tuple[int, ...]) -> Packed:
    matrix = synapse.weights[order(target)][:, order(source)].tocsc()
    matrix.sum_duplicates()
    values, shift = _narrow(matrix.data)
    sums = np.zeros(prod(target), dtype=np.int64)
    np.add.at(sums, matrix.indices, np.abs(values.astype(np.int64)))
    index = np.concatenate([matrix.indptr, matrix.indices]).astype(np.int32)
    return Packed(SPARSE, values, shift, int(sums.max(initial=0)), index=index)


def _convolution(synapse: Synapse, source: tuple[int, ...]) -> Packed:
    """Rows (tap, input channel) of the output channels of a group."""
    assert synapse.geometry is not None
    values, shift = _narrow(synapse.weights)
    outputs, per_group, *kernel = values.shape
    groups, taps = synapse.geometry.groups, prod(kernel)
    length, channels = outputs // groups, per_group * groups
    rows = _rows(values.reshape(groups, length, per_group, taps).transpose(3, 0, 2, 1))
    sums = np.abs(values.astype(np.int64)).reshape(outputs, -1).sum(axis=1)
    reached = _reached(synapse, source)
    places = prod(source[1:])
    fields, pieces = _fields(reached, channels, groups)
    return Packed(
        CONVOLUTION,
        rows.ravel(),
        shift,
        int(sums.max(initial=0)),
        rows.shape[-1],
        index=_taps(reached, places, channels, outputs),
        fields=fields,
        many=ceil(MANY * pieces * groups * places / max(len(reached), 1)),
        length=length,
        channels=channels,
        group=per_group,
    )


def _reached(synapse: Synapse, source: tuple[int, ...]) -> Array:
    """A row (output place, tap, source place) for every tap of every output that is no padding."""
    g = synapse.geometry
    assert g is not None
    spatial, kernel = source[1:], synapse.weights.shape[2:]
    out = conv_output_shape(source, synapse.weights.shape, g)[1:]
    rows = []
    for number, tap in enumerate(np.ndindex(*kernel)):
        inside, reached = [], []
        for axis, k in enumerate(tap):
            at = np.arange(out[axis]) * g.stride[axis] + g.dilation[axis] * k - g.padding[axis]
            kept = (at >= 0) & (at < spatial[axis])
            inside.append(at[kept])
            reached.append(np.flatnonzero(kept))
        place = np.ravel_multi_index(np.ix_(*inside), spatial).ravel()
        output = np.ravel_multi_index(np.ix_(*reached), out).ravel()
        rows.append(np.stack([output, np.full_like(output, number), place], axis=1))
    return np.concatenate(rows)


def _taps(reached: Array, places: int, channels: int, outputs: int) -> Array:
    """By source place: where its taps begin, and per tap the first target and the row's offset."""
    output, tap, place = reached[np.argsort(reached[:, 2], kind="stable")].T
    counts = np.bincount(place, minlength=places)
    taps = np.stack([output * outputs, (tap - place) * channels], axis=1)
    return np.concatenate([[0], np.cumsum(counts), taps.ravel()]).astype(np.int32)


def _fields(reached: Array, channels: int, groups: int) -> tuple[Array, int]:
    """By output place: how many there are, where the pieces of each begin, and per piece the first
    source place, the last, and the rows' offset; and how many pieces.

    Neighbouring places under neighbouring taps are one piece, unless each place has messages of
    several groups.
    """
    output, tap, place = reached[np.lexsort((reached[:, 1], reached[:, 0]))].T
    offset = (tap - place) * channels
    goes_on = (np.diff(output) == 0) & (np.diff(place) == 1) & (np.diff(offset) == 0)
    new = np.ones(len(output), dtype=bool)
    new[1:] = ~goes_on | (groups > 1)
    first = np.flatnonzero(new)
    last = np.append(first, len(output))[1:] - 1
    pieces = np.stack([place[first], place[last], offset[first]], axis=1)
    counts = np.bincount(output[first])
    table = np.concatenate([[len(counts), 0], np.cumsum(counts), pieces.ravel()])
    return table.astype(np.int32), len(pieces)
