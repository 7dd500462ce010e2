"""A population cut into boxes of equal size, but for the last one along each axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np

from neurodeploy.ir.mapping import Box

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Grid:
    """Boxes of at most `tile` that cover a population of `shape`, in C order."""

    shape: tuple[int, ...]
    tile: tuple[int, ...]

    @cached_property
    def counts(self) -> tuple[int, ...]:
        return tuple(-(-n // t) for n, t in zip(self.shape, self.tile, strict=True))

    @property
    def number(self) -> int:
        return prod(self.counts)

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        return tuple(product(*(spans(n, t) for n, t in zip(self.shape, self.tile, strict=True))))

    def sums(self, window: tuple[slice, ...], values: Array) -> Iterator[tuple[int, Any]]:
        """Of every box that `window` meets its number and the sum of `values` over what they share.

        values: of the window's shape.
        """
        numbers = np.zeros((), dtype=np.int64)
        for cut, tile, count in zip(window, self.tile, self.counts, strict=True):
            pieces = np.arange(cut.start // tile, (cut.stop - 1) // tile + 1)
            numbers = numbers[..., None] * count + pieces
        totals = self._totals(window, values)
        return zip(numbers.ravel().tolist(), totals.ravel().tolist(), strict=True)

    def largest(self, values: Array) -> Any:
        """The largest sum of `values`, of the population's shape, over a box."""
        return self._totals(whole(self.shape), values).max()

    def _totals(self, window: tuple[slice, ...], values: Array) -> Array:
        for axis, (cut, tile) in enumerate(zip(window, self.tile, strict=True)):
            starts = np.arange(cut.start // tile * tile, cut.stop, tile)
            values = np.add.reduceat(values, np.maximum(starts - cut.start, 0), axis=axis)
        return values


def whole(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The window that is all of a population."""
    return tuple(slice(0, n) for n in shape)


def spans(length: int, tile: int) -> list[tuple[int, int]]:
    """(start, stop) of every piece along an axis."""
    return [(start, min(start + tile, length)) for start in range(0, length, tile)]


def tile_sizes(length: int, most: int) -> Array:
    """Of every number of pieces along an axis the smallest size, if that is at most `most`."""
    sizes = {-(-length // pieces) for pieces in range(1, length + 1)}
    return np.array(sorted(size for size in sizes if size <= most), dtype=np.int64)


def outer(vectors: list[Array]) -> Array:
    """The product of one entry of each vector, for all combinations."""
    return reduce(np.multiply.outer, vectors, np.ones((), dtype=np.int64))
