"""What a tiled Program takes in all, and how many cores each limit alone would ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from neurodeploy.ir.program import Synapse
from neurodeploy.passes.place.grid import Grid
from neurodeploy.passes.place.needs import ProgramNeeds

Array = np.ndarray[Any, np.dtype[Any]]
OUTPUT_AXONS: Final = "output_axons_per_core"
# a box has of these what its population has: cutting it finer multiplies them
NOT_ADDITIVE: Final = (
    "decay_profiles_per_core",
    "threshold_profiles_per_core",
    "synapse_formats_per_core",
)


@dataclass(frozen=True)
class Demand:
    """boxes: parts that the populations are cut into; totals: what these use of each limit."""

    boxes: int
    totals: Mapping[str, int]
    limits: Mapping[str, int]

    def cores(self, limit: str) -> int:
        """The cores that this limit alone asks for."""
        return -(-self.totals[limit] // self.limits[limit])

    @property
    def least(self) -> int:
        """Cores that no placement of these boxes can do without."""
        return max(1, *(self.cores(limit) for limit in self.totals))


def axons(needs: ProgramNeeds, synapse: Synapse, grid: Grid) -> Array:
    """Output axons that each source element of a synapse takes to a target cut by `grid`."""
    of = needs.synapses[synapse.name]
    return of.slots(grid.tile) * of.reached(grid)


def leaving(needs: ProgramNeeds, grids: Mapping[str, Grid], name: str) -> Array:
    """Output axons that each neuron of a population takes, of the population's shape."""
    total = np.zeros(needs.program.shapes[name], dtype=np.int64)
    return sum((axons(needs, s, grids[s.target]) for s in needs.outgoing[name]), total)


def demand(needs: ProgramNeeds, grids: Mapping[str, Grid]) -> Demand:
    """The totals over all boxes."""
    totals = {limit: 0 for limit in needs.limits if limit not in NOT_ADDITIVE}
    for name, grid in grids.items():
        for box, number in needs.distinct(name, grid):
            used = needs.of_box(name, box)
            for limit in totals.keys() & used.keys():
                totals[limit] += number * used[limit]
        if OUTPUT_AXONS in totals:
            totals[OUTPUT_AXONS] += int(leaving(needs, grids, name).sum())
    return Demand(sum(grid.number for grid in grids.values()), totals, needs.limits)
