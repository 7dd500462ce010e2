"""How each population is cut into boxes that fit into a core.

A neuron's spikes take an output axon for each box that they go to, so that a finer cut of one
population may force a finer cut of those before it. Populations are cut from the last to the
first, each so that it and, by what it asks of their output axons, its sources need the fewest
cores, and then so that the fewest messages go out. Loops make that a fixed point: sweeps until
nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from neurodeploy.ir.mapping import Box
from neurodeploy.ir.program import Synapse
from neurodeploy.passes.place.demand import axons, leaving
from neurodeploy.passes.place.grid import Grid, outer, tile_sizes
from neurodeploy.passes.place.needs import ProgramNeeds

Array = np.ndarray[Any, np.dtype[Any]]
Rates = Mapping[str, Array]
_SWEEPS: Final = 16


@dataclass(frozen=True)
class NoRoom:
    """A neuron of `population` needs more of a limit than an empty core has."""

    population: str
    limit: str
    needed: int


class NoRoomError(Exception):
    """Raised with what was found."""

    def __init__(self, found: NoRoom) -> None:
        super().__init__(found)
        self.found = found


def tile(needs: ProgramNeeds, rates: Rates) -> dict[str, Grid]:
    """A grid for every population. rates: messages per step of each source's elements.

    Raises NoRoomError.
    """
    cutter = _Cutter(needs, rates)
    before: dict[str, Grid] = {}
    for sweep in range(_SWEEPS):
        for name in reversed(needs.program.order):
            cutter.cut(name, alone=sweep == 0, finer=sweep > _SWEEPS // 2)
        if cutter.grids == before and sweep > 1:
            break
        before = dict(cutter.grids)
    return cutter.settled()


@dataclass(frozen=True)
class _Options:
    """Tile sizes along each axis; of all combinations which may fit a core, and number of boxes."""

    sizes: list[Array]
    possible: Array
    number: Array

    @property
    def least(self) -> int:
        """The fewest boxes, whatever they feed."""
        return int(self.number[self.possible].min(initial=self.number.max()))


class _Cutter:
    def __init__(self, needs: ProgramNeeds, rates: Rates) -> None:
        self.needs, self.rates = needs, rates
        self.limits = needs.limits
        self.most_axons = self.limits.get("output_axons_per_core")
        self.grids: dict[str, Grid] = {}
        self._options = {name: self._options_of(name) for name in needs.program.order}

    def _options_of(self, name: str) -> _Options:
        shape = self.needs.program.shapes[name]
        sizes = [tile_sizes(n, self.limits["neurons_per_core"]) for n in shape]
        number = outer([-(-n // t) for n, t in zip(shape, sizes, strict=True)])
        possible = np.ones(number.shape, dtype=bool)
        for limit, used in self.needs.expected(name, sizes).items():
            possible &= used <= self.limits[limit]
        return _Options(sizes, possible, number)

    def cut(self, name: str, *, alone: bool, finer: bool) -> None:
        """Chooses the grid of one population: alone, or with its targets' as they are; finer: none
        with fewer boxes than it has, so that loops settle."""
        shape, options = self.needs.program.shapes[name], self._options[name]
        leaving = self._leaving(name, alone)
        loops = [s for s in self.needs.incoming[name] if s.source == name and not alone]
        possible = options.possible
        if self.most_axons is not None:
            possible = possible & (options.number * self.most_axons >= leaving.sum())
        if finer:
            possible = possible & (options.number >= self.grids[name].number)
        cores, traffic = self._price(name, options)
        order = np.lexsort((traffic.ravel(), cores.ravel()))
        for choice in order[possible.ravel()[order]]:
            place = np.unravel_index(choice, possible.shape)
            tile = tuple(int(s[i]) for s, i in zip(options.sizes, place, strict=True))
            if self._fits(name, Grid(shape, tile), leaving, loops):
                self.grids[name] = self._stretched(name, Grid(shape, tile), leaving, loops)
                return
        raise self._too_much(name, leaving)

    def _leaving(self, name: str, alone: bool = False) -> Array:
        """Output axons that each neuron takes, but for those to its own population."""
        total = np.zeros(self.needs.program.shapes[name], dtype=np.int64)
        for synapse in () if alone else self.needs.outgoing[name]:
            if synapse.target != name:
                total += axons(self.needs, synapse, self.grids[synapse.target])
        return total

    def _price(self, name: str, options: _Options) -> tuple[Array, Array]:
        """Cores of this population and its sources, and messages into it, for each option."""
        cores, traffic = options.number.copy(), np.zeros(options.number.shape)
        for synapse in self.needs.incoming[name]:
            sent = self.needs.synapses[synapse.name].sent(options.sizes)
            traffic += sent * float(self.rates[synapse.source].mean())
            source = self._options.get(synapse.source)
            if source is not None and synapse.source != name and self.most_axons is not None:
                cores += np.maximum(-(-sent // self.most_axons), source.least)
        return cores, traffic

    def _fits(self, name: str, grid: Grid, leaving: Array, loops: list[Synapse]) -> bool:
        if self.most_axons is not None:
            total = sum((axons(self.needs, s, grid) for s in loops), leaving)
            if grid.largest(total) > self.most_axons:
                return False
        return all(self._broken(name, box) is None for box, _ in self.needs.distinct(name, grid))

    def _broken(self, name: str, box: Box) -> tuple[str, int] | None:
        """A limit that the box breaks, and what it needs."""
        used = self.needs.of_box(name, box)
        return next(((n, v) for n, v in used.items() if v > self.limits[n]), None)

    def _stretched(self, name: str, grid: Grid, leaving: Array, loops: list[Synapse]) -> Grid:
        """As many boxes, all but the last along an axis as large as fits: the last then leaves room
        for other populations."""
        axis = next((i for i, n in enumerate(grid.counts) if n > 1), None)
        if axis is None:
            return grid
        pieces, length = grid.counts[axis], grid.shape[axis]
        low, high = grid.tile[axis], (length - 1) // (pieces - 1)
        best = grid
        while low < high:
            middle = (low + high + 1) // 2
            tile = (*grid.tile[:axis], middle, *grid.tile[axis + 1 :])
            larger = Grid(grid.shape, tile)
            if self._fits(name, larger, leaving, loops):
                best, low = larger, middle
            else:
                high = middle - 1
        return best

    def _too_much(self, name: str, leaving: Array) -> NoRoomError:
        shape = self.needs.program.shapes[name]
        single = Grid(shape, (1,) * len(shape))
        found = (self._broken(name, box) for box, _ in self.needs.distinct(name, single))
        worst = max((b for b in found if b), key=lambda b: b[1] / self.limits[b[0]], default=None)
        if worst is None:
            worst = "output_axons_per_core", int(leaving.max())
        return NoRoomError(NoRoom(name, *worst))

    def settled(self) -> dict[str, Grid]:
        """The grids, once every population's output axons are known to fit."""
        most = self.most_axons
        for name, grid in self.grids.items() if most is not None else ():
            total = leaving(self.needs, self.grids, name)
            if grid.largest(total) > most:
                raise NoRoomError(NoRoom(name, "output_axons_per_core", int(total.max())))
        return self.grids
