"""What a convolution needs of a core: weights shared between positions through population axons.

A list is stored once per input channel and position class: input positions of one class have the
same taps into the box, at other places. One population axon serves all channels of a position; its
message names the channel, in 9 bits at most. The short form of such an axon has 10 bits for the
position and what the channel needs beyond 5; where that is too little, an output axon takes two
slots (nengo-loihi's pop16 and pop32).
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from itertools import product
from math import ceil, prod
from typing import Any, Final, NamedTuple

import numpy as np

from neurodeploy.ir.mapping import Box
from neurodeploy.ir.program import Synapse
from neurodeploy.passes.place.grid import Grid, outer, spans
from neurodeploy.passes.place.storage import Entry, Needs, list_bits

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]
Span = tuple[int, int]
Classes = tuple[tuple[tuple[int, int], ...], ...]  # of every axis those of a Piece
CHANNELS_PER_AXON: Final = 512
SHORT_AXON_BITS: Final = 10
SHORT_CHANNEL_BITS: Final = 5


class Piece(NamedTuple):
    """Inputs along one axis that lead to a span of outputs.

    inputs: how many; classes: (number of taps, how many position classes have so many).
    """

    inputs: int
    classes: tuple[tuple[int, int], ...]


class Axis(NamedTuple):
    """One spatial axis: output o takes input o * stride + tap * dilation - padding."""

    inputs: int
    outputs: int
    taps: int
    stride: int
    padding: int
    dilation: int

    def window(self, span: Span) -> slice:
        """The inputs between the first and the last that lead to outputs in `span`."""
        start = max(span[0] * self.stride - self.padding, 0)
        last = (span[1] - 1) * self.stride + (self.taps - 1) * self.dilation - self.padding
        return slice(min(start, self.inputs - 1), max(min(last + 1, self.inputs), 1))

    def targets(self, window: slice) -> Array:
        """Of each input in the window and each tap the output it leads to, -1 for none."""
        places = np.arange(window.start, window.stop)[:, None] + self.padding
        places = places - self.dilation * np.arange(self.taps)
        outputs = places // self.stride
        inside = (places % self.stride == 0) & (outputs >= 0) & (outputs < self.outputs)
        return np.where(inside, outputs, -1)

    def taps_into(self, span: Span) -> Array:
        """Of each input in the span's window, which taps lead into the span."""
        targets = self.targets(self.window(span))
        return np.asarray((targets >= span[0]) & (targets < span[1]))

    def boxes_reached(self, tile: int) -> Array:
        """Of every input the number of pieces of `tile` outputs that it leads to."""
        pieces = self.targets(slice(0, self.inputs))
        pieces = np.sort(np.where(pieces < 0, -1, pieces // tile), axis=1)
        new = np.diff(pieces, axis=1, prepend=-1) > 0
        return np.asarray(new.sum(axis=1))


@lru_cache(maxsize=1 << 14)
def _piece(axis: Axis, span: Span) -> Piece:
    taps = axis.taps_into(span)
    leading = taps[taps.any(axis=1)]
    per_class = np.unique(leading, axis=0).sum(axis=1)
    numbers, counts = np.unique(per_class, return_counts=True)
    return Piece(len(leading), tuple(zip(numbers.tolist(), counts.tolist(), strict=True)))


def _typical(axis: Axis, tile: int) -> set[Piece]:
    """The kinds of pieces along an axis: those at its ends and those between."""
    every = spans(axis.outputs, tile)
    return {_piece(axis, every[i]) for i in {0, len(every) // 2, len(every) - 1}}


class ConvNeeds:
    """`SynapseNeeds` of a convolution, in closed form: zeros among its weights are stored."""

    def __init__(self, synapse: Synapse, source: Shape, target: Shape, entry: Entry) -> None:
        g = synapse.geometry
        assert g is not None
        self.source, self.entry, self.groups = source, entry, g.groups
        self.outputs = target[0] // g.groups  # channels of one group
        self.inputs = source[0] // g.groups
        kernel = synapse.weights.shape[2:]
        columns = (source[1:], target[1:], kernel, g.stride, g.padding, g.dilation)
        self.axes = tuple(Axis(*row) for row in zip(*columns, strict=True))
        self._memory = lru_cache(maxsize=1 << 14)(self._memory_of)

    def needs(self, box: Box) -> Needs:
        groups = self._groups(box[0])
        pieces = [_piece(axis, span) for axis, span in zip(self.axes, box[1:], strict=True)]
        classes = tuple(piece.classes for piece in pieces)
        memory = sum(many * self._memory(outputs, classes) for outputs, many in groups)
        channels = self.inputs * sum(many for _, many in groups)
        positions = prod(piece.inputs for piece in pieces)
        return Needs(memory, positions * ceil(channels / CHANNELS_PER_AXON))

    def kind(self, axis: int, span: Span) -> Hashable:
        return self._groups(span) if axis == 0 else _piece(self.axes[axis - 1], span)

    def _groups(self, span: Span) -> tuple[tuple[int, int], ...]:
        """(output channels, how many groups have so many in the span)."""
        first, last = span[0] // self.outputs, (span[1] - 1) // self.outputs
        if first == last:
            return ((span[1] - span[0], 1),)
        ends = ((first + 1) * self.outputs - span[0], span[1] - last * self.outputs)
        return ((ends[0], 1), (ends[1], 1), (self.outputs, last - first - 1))

    def _memory_of(self, outputs: int, classes: Classes) -> int:
        """Lists of one group of which `outputs` channels are in the box."""
        return int(self._memories(np.array([outputs]), classes)[0])

    def _memories(self, outputs: Array, classes: Classes) -> Array:
        taps = outer([np.array([n for n, _ in axis]) for axis in classes])
        many = outer([np.array([n for _, n in axis]) for axis in classes])
        lists = list_bits(np.multiply.outer(outputs, taps.ravel()), self.entry.indexed)
        return np.asarray(self.inputs * (lists @ many.ravel()))

    def expect(self, sizes: list[Array]) -> tuple[Array, Array]:
        shape = tuple(map(len, sizes))
        memory, positions = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        outputs, many = self._channel_groups(sizes[0])
        pieces = [
            [_typical(axis, int(t)) for t in vector]
            for axis, vector in zip(self.axes, sizes[1:], strict=True)
        ]
        known: dict[Classes, Array] = {}
        for place in product(*(range(n) for n in shape[1:])):
            at: tuple[Any, ...] = (slice(None), *place)
            for kind in product(*(axis[i] for axis, i in zip(pieces, place, strict=True))):
                classes = tuple(piece.classes for piece in kind)
                if classes not in known:
                    known[classes] = many @ self._memories(outputs, classes)
                memory[at] = np.maximum(memory[at], known[classes])
                positions[at] = np.maximum(positions[at], prod(piece.inputs for piece in kind))
        channels = self.inputs * many.sum(axis=1)
        axons = -(-channels // CHANNELS_PER_AXON)
        return memory, positions * axons.reshape(-1, *[1] * len(self.axes))

    def _channel_groups(self, tiles: Array) -> tuple[Array, Array]:
        """Numbers of output channels of a group, and of each tile how many groups have so many."""
        found = [self._groups((0, int(t))) for t in tiles]
        outputs = sorted({n for groups in found for n, _ in groups})
        many = np.zeros((len(tiles), len(outputs)), dtype=np.int64)
        for row, groups in enumerate(found):
            for n, number in groups:
                many[row, outputs.index(n)] += number
        return np.array(outputs), many

    def sent(self, sizes: list[Array]) -> Array:
        totals = [np.array([self._boxes_of_channels(int(t)).sum() for t in sizes[0]])]
        totals += [
            np.array([axis.boxes_reached(int(t)).sum() for t in vector])
            for axis, vector in zip(self.axes, sizes[1:], strict=True)
        ]
        positions = outer([self._most_positions(vector, i) for i, vector in enumerate(sizes[1:])])
        slots = 1 + (positions > self._short_positions)
        return outer(totals) * slots

    def _boxes_of_channels(self, tile: int) -> Array:
        """Of every input channel the number of pieces of `tile` output channels that it feeds."""
        first = np.arange(self.groups) * self.outputs
        boxes = (first + self.outputs - 1) // tile - first // tile + 1
        return np.repeat(boxes, self.inputs)

    def footprint(self, box: Box) -> tuple[Span, ...]:
        """The input channels that lead to the box, and its spatial spans."""
        first, last = box[0][0] // self.outputs, (box[0][1] - 1) // self.outputs
        return ((first * self.inputs, (last + 1) * self.inputs), *box[1:])

    def reach(self, box: Box) -> tuple[tuple[slice, ...], Array]:
        channels = slice(*self.footprint(box)[0])
        spatial = list(zip(self.axes, box[1:], strict=True))
        masks = [np.asarray(axis.taps_into(span).any(axis=1)) for axis, span in spatial]
        every = np.ones(channels.stop - channels.start, dtype=bool)
        return (channels, *(axis.window(span) for axis, span in spatial)), outer([every, *masks])

    def reached(self, grid: Grid) -> Array:
        along = [axis.boxes_reached(t) for axis, t in zip(self.axes, grid.tile[1:], strict=True)]
        return outer([self._boxes_of_channels(grid.tile[0]), *along])

    def slots(self, tile: Shape) -> int:
        positions = prod(self._most_positions(np.array(t), i) for i, t in enumerate(tile[1:]))
        return 1 + int(positions > self._short_positions)

    def _most_positions(self, tile: Array, number: int) -> Any:
        axis = self.axes[number]
        span = (tile - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1
        return np.minimum(span, axis.inputs)

    @property
    def _short_positions(self) -> int:
        channel_bits = min(self.source[0] - 1, CHANNELS_PER_AXON - 1).bit_length()
        return 1 << (SHORT_AXON_BITS - max(channel_bits - SHORT_CHANNEL_BITS, 0))
