"""What dense and sparse synapses need of a core: a list per input that leads to the box.

Lists of a box are all of one form: with the index of every target, or whole rows without it,
whichever takes less.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import prod
from typing import Any

import numpy as np

from neurodeploy.ir.mapping import Box, box_rows, box_shape
from neurodeploy.ir.program import Synapse
from neurodeploy.passes.place.grid import Grid, outer, whole
from neurodeploy.passes.place.storage import Entry, Needs, list_bits

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]


class MatrixNeeds:
    """`SynapseNeeds` of a matrix; one without zeros has closed forms, others are looked at."""

    def __init__(self, synapse: Synapse, source: Shape, target: Shape, entry: Entry) -> None:
        self.source, self.target, self.entry = source, target, entry
        self.inputs = prod(source)
        self.weights = synapse.weights
        self.connections = int(np.count_nonzero(synapse.weight_values))
        self.full = self.connections == self.inputs * prod(target)
        self._known: dict[Box, tuple[Needs, Array]] = {}

    def needs(self, box: Box) -> Needs:
        if self.full:
            each = int(list_bits(np.array(prod(box_shape(box))), self.entry.dense))
            return Needs(self.inputs * each, self.inputs)
        return self._look(box)[0]

    def kind(self, axis: int, span: tuple[int, int]) -> Hashable:
        return span[1] - span[0] if self.full else span

    def _look(self, box: Box) -> tuple[Needs, Array]:
        if box not in self._known:
            entries = self._entries(box)
            found = entries > 0
            reached = int(found.sum())
            whole = reached * int(list_bits(np.array(prod(box_shape(box))), self.entry.dense))
            indexed = int(list_bits(entries[found], self.entry.indexed).sum())
            self._known[box] = Needs(min(whole, indexed), reached), found.reshape(self.source)
        return self._known[box]

    def _entries(self, box: Box) -> Array:
        """Of every input the number of its connections into the box."""
        rows = self.weights[box_rows(box, self.target)]
        if isinstance(rows, np.ndarray):
            return np.count_nonzero(rows, axis=0)
        return np.bincount(rows.indices[rows.data != 0], minlength=self.inputs)

    def expect(self, sizes: list[Array]) -> tuple[Array, Array]:
        tile = outer(sizes)
        if self.full:
            return self.inputs * list_bits(tile, self.entry.dense), np.full_like(tile, self.inputs)
        share = tile / prod(self.target)
        least = np.floor(self.connections * self.entry.dense * share)
        return least.astype(np.int64), np.zeros_like(tile)

    def sent(self, sizes: list[Array]) -> Array:
        number = outer([-(-n // t) for n, t in zip(self.target, sizes, strict=True)])
        return np.minimum(self.inputs * number, self.connections)

    def footprint(self, box: Box) -> Hashable:
        return None if self.full else box

    def reach(self, box: Box) -> tuple[tuple[slice, ...], Array]:
        return whole(self.source), np.ones(self.source, dtype=bool) if self.full else self._look(
            box
        )[1]

    def reached(self, grid: Grid) -> Array:
        if self.full:
            return np.full(self.source, grid.number)
        return sum((self._look(box)[1] for box in grid.boxes), np.zeros(self.source, dtype=int))

    def slots(self, tile: Shape) -> int:
        return 1
