"""Cores onto chips and the tiles of their meshes, so that few messages travel far.

Cores in flow order fill chip after chip, and each chip's tiles along a line that folds from row to
row. Then two cores change places as long as fewer messages go between chips, and after that two
cores of a chip as long as that shortens the way of its messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from neurodeploy.ir.mapping import Seat

Array = np.ndarray[Any, np.dtype[Any]]
_SWEEPS: Final = 8
MOST_MOVED: Final = 4_096  # cores that are exchanged between chips: all pairs are looked at


@dataclass(frozen=True)
class Mesh:
    """Cores of one chip: how many, per tile, and tiles per row."""

    cores: int
    cores_per_tile: int
    tiles_per_row: int

    @property
    def rows(self) -> int:
        return -(-self.cores // (self.cores_per_tile * self.tiles_per_row))

    def seats(self, chip: int) -> list[Seat]:
        """The seats of a chip along the folded line."""
        found = []
        for number in range(self.cores):
            tile, core = divmod(number, self.cores_per_tile)
            row, column = divmod(tile, self.tiles_per_row)
            found.append(
                Seat(chip, row, self.tiles_per_row - 1 - column if row % 2 else column, core)
            )
        return found


def seat(messages: sparse.csr_array, mesh: Mesh) -> list[Seat]:
    """A seat for every core. messages: per step from core (row) to core (column)."""
    chip_of = _chips(messages, mesh)
    seats: dict[int, Seat] = {}
    for chip in range(int(chip_of.max()) + 1):
        held = np.flatnonzero(chip_of == chip)
        found = _on_chip(messages[held][:, held].toarray(), mesh.seats(chip))
        seats.update(zip(held.tolist(), found, strict=True))
    return [seats[core] for core in range(len(chip_of))]


def _chips(messages: sparse.csr_array, mesh: Mesh) -> Array:
    """The chip of every core."""
    cores = messages.shape[0]
    places = -(-cores // mesh.cores) * mesh.cores
    chip_of = np.arange(places) // mesh.cores
    if mesh.cores < cores <= MOST_MOVED:
        both = np.zeros((places, places))
        both[:cores, :cores] = (messages + messages.T).toarray()
        np.fill_diagonal(both, 0.0)
        _regroup(both, chip_of)
    return chip_of[:cores]


def _regroup(both: Array, chip_of: Array) -> None:
    """Changes chips of pairs of cores, in place, empty seats included. both: messages between."""
    every = np.arange(len(chip_of))
    to_chip = both @ (chip_of[:, None] == np.arange(chip_of.max() + 1))
    for _ in range(_SWEEPS):
        changed = False
        for core in every:
            here = chip_of[core]
            gain = to_chip[core, chip_of] - to_chip[core, here]
            gain += to_chip[:, here] - to_chip[every, chip_of] - 2 * both[core]
            gain[chip_of == here] = 0.0
            other = int(gain.argmax())
            if gain[other] > 1e-9:
                there = chip_of[other]
                to_chip[:, here] += both[other] - both[core]
                to_chip[:, there] += both[core] - both[other]
                chip_of[core], chip_of[other] = there, here
                changed = True
        if not changed:
            break


def _on_chip(messages: Array, seats: list[Seat]) -> list[Seat]:
    both = np.zeros((len(seats), len(seats)))
    both[: len(messages), : len(messages)] = messages + messages.T
    np.fill_diagonal(both, 0.0)
    ways = distances(seats)
    at = np.arange(len(seats))  # seat of every core, empty ones included
    for _ in range(_SWEEPS):
        changed = False
        for core in range(len(messages)):
            gain = _gains(core, both, ways, at)
            other = int(gain.argmax())
            if gain[other] > 1e-9:
                at[core], at[other] = at[other], at[core]
                changed = True
        if not changed:
            break
    return [seats[i] for i in at[: len(messages)]]


def _gains(core: int, both: Array, ways: Array, at: Array) -> Array:
    """By how much the way of all messages shortens if `core` changes places with each other one."""
    from_here, from_there = ways[at[core]][at], ways[at][:, at]
    now = both[core] @ from_here + (both * from_there).sum(axis=1)
    then = from_there @ both[core] + both @ from_here
    # the two keep their distance to each other, which `then` counts as none
    return now - then - 2 * both[core] * from_here


def distances(seats: list[Seat]) -> Array:
    """Tiles passed between any two seats of one chip: along the row, then along the column."""
    rows = np.array([s.row for s in seats])
    columns = np.array([s.column for s in seats])
    return np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns)
