"""Cores onto chips and the tiles of their meshes, so that few messages travel far.

Cores in flow order fill chip after chip, and each chip's tiles along a line that folds from row to
row; then two cores of a chip change places as long as that shortens the way of all messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from neurodeploy.ir.mapping import Seat

Array = np.ndarray[Any, np.dtype[Any]]
_SWEEPS: Final = 6


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
    seats: list[Seat] = []
    cores = messages.shape[0]
    for chip, start in enumerate(range(0, cores, mesh.cores)):
        group = slice(start, min(start + mesh.cores, cores))
        seats += _on_chip(messages[group, group].toarray(), mesh.seats(chip))
    return seats


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
