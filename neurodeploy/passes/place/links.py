"""Which boxes send to which: output axons and messages per step between them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.ir.program import Synapse
from neurodeploy.passes.place.grid import Grid
from neurodeploy.passes.place.needs import ProgramNeeds

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Links:
    """Arrays over links: numbers of the boxes at both ends, -1 for an input of the network; output
    axons of the source; messages per step."""

    source: Array
    target: Array
    axons: Array
    messages: Array


def find_links(needs: ProgramNeeds, grids: Mapping[str, Grid], rates: Mapping[str, Array]) -> Links:
    """All links between boxes, which are numbered population after population in flow order."""
    first: dict[str, int] = {}
    total = 0
    for name in needs.program.order:
        first[name] = total
        total += grids[name].number
    rows = []
    for synapse in needs.program.synapses:
        for number, links in enumerate(_into(needs, synapse, grids, rates[synapse.source])):
            target = first[synapse.target] + number
            for box, axons, messages in links:
                source = -1 if synapse.source not in grids else first[synapse.source] + box
                rows.append((source, target, axons, messages))
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    ends = table[:, :2].astype(np.int64)
    return Links(ends[:, 0], ends[:, 1], table[:, 2].astype(np.int64), table[:, 3])


def _into(
    needs: ProgramNeeds, synapse: Synapse, grids: Mapping[str, Grid], rates: Array
) -> Iterator[list[tuple[int, int, float]]]:
    """Of every box of the target: (number of a source's box, output axons, messages per step)."""
    of, target = needs.synapses[synapse.name], grids[synapse.target]
    source = grids.get(synapse.source) or Grid(rates.shape, rates.shape)
    slots = of.slots(target.tile)
    known: dict[Hashable, list[tuple[int, int, float]]] = {}
    for box in target.boxes:
        footprint = of.footprint(box)
        if footprint not in known:
            window, mask = of.reach(box)
            axons = source.sums(window, mask.astype(np.int64))
            messages = source.sums(window, mask * rates[window])
            known[footprint] = [
                (number, slots * count, sent)
                for (number, count), (_, sent) in zip(axons, messages, strict=True)
                if count
            ]
        yield known[footprint]
