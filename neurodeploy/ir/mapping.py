"""Where a Program lives: which box of which population on which neuro-core, and what that uses."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Box = tuple[tuple[int, int], ...]  # (start, stop) along each axis of a population's shape


def box_shape(box: Box) -> tuple[int, ...]:
    """The number of neurons along each axis."""
    return tuple(stop - start for start, stop in box)


def box_slices(box: Box) -> tuple[slice, ...]:
    """The box as an index into an array of the population's shape."""
    return tuple(slice(start, stop) for start, stop in box)


def box_rows(box: Box, shape: tuple[int, ...]) -> slice | Array:
    """The neurons of the box as an index into the C-order flattened population."""
    if all(b == (0, n) for b, n in zip(box[1:], shape[1:], strict=True)):
        rest = prod(shape[1:])
        start, stop = box[0] if box else (0, 1)
        return slice(start * rest, stop * rest)
    return np.arange(prod(shape)).reshape(shape)[box_slices(box)].ravel()


@dataclass(frozen=True)
class Slice:
    """The neurons of `population` in `box`."""

    population: str
    box: Box

    @property
    def size(self) -> int:
        return prod(box_shape(self.box))

    def __str__(self) -> str:
        return f"{self.population}[{', '.join(f'{a}:{b}' for a, b in self.box)}]"


@dataclass(frozen=True, order=True)
class Seat:
    """A core's place: chip, row and column of its tile in the chip's mesh, number in the tile."""

    chip: int
    row: int
    column: int
    core: int


@dataclass(frozen=True)
class Core:
    """A neuro-core: its slices, its place, and what they use of each limit, by the limit's name.

    messages_out: per step, one for each output axon of a neuron that fires.
    """

    slices: tuple[Slice, ...]
    used: Dict[str, int]
    seat: Seat
    messages_out: float

    @property
    def neurons(self) -> int:
        return sum(s.size for s in self.slices)


@dataclass(frozen=True)
class Traffic:
    """Messages per step between populations' cores; `hops` counts tiles passed within chips.

    measured: from a run; otherwise as if every neuron fired in every step.
    """

    messages: float
    between_cores: float
    hops: float
    between_chips: float
    measured: bool


@dataclass(frozen=True)
class Mapping:
    """A placement of `program` on `hardware`. `limits`: the most that one core has of each thing.

    mesh: rows and columns of a chip's tiles; assumed: limits that have no public source; notes:
    what was taken for granted.
    """

    program: str
    hardware: str
    cores: tuple[Core, ...]
    limits: Dict[str, int]
    cores_per_chip: int
    mesh: tuple[int, int]
    traffic: Traffic
    assumed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def chips(self) -> int:
        return len({core.seat.chip for core in self.cores})

    @property
    def limiting(self) -> str:
        """The limit that the cores, taken together, come nearest to."""
        return max(self.limits, key=self.load, default="")

    def load(self, limit: str) -> float:
        """The mean over the cores of used / maximum."""
        return sum(c.used[limit] for c in self.cores) / (self.limits[limit] * len(self.cores))

    def peak(self, limit: str) -> int:
        """The largest use on one core."""
        return max(core.used[limit] for core in self.cores)
