"""How a neuro-core stores synapses: Loihi 1's format, as nengo-loihi allocates it.

Each input axon points to a list of synapses. A list lies in blocks of at most 64 entries; a block
has a header of 4 bits (format) and 6 bits (length) and is rounded up to words of 64 bits. An entry
is the weight, the delay where the synapse has one, and the index of its target, which a list that
leaves no neuron of its box out does not need.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from neurodeploy.ir.mapping import Box
from neurodeploy.passes.place.grid import Grid

Array = np.ndarray[Any, np.dtype[Any]]
WORD_BITS: Final = 64
HEADER_BITS: Final = 10
ENTRIES_PER_BLOCK: Final = 64


@dataclass(frozen=True)
class Entry:
    """Widths of one synapse in a list."""

    weight_bits: int
    delay_bits: int
    index_bits: int

    @property
    def dense(self) -> int:
        return self.weight_bits + self.delay_bits

    @property
    def indexed(self) -> int:
        return self.dense + self.index_bits


@dataclass(frozen=True)
class Needs:
    """What a synapse puts on the core that holds a box of its target."""

    memory_bits: int
    input_axons: int


class SynapseNeeds(Protocol):
    """The needs of one synapse, of boxes of its target and of whole grids of them.

    Boxes whose spans along every axis are of the same `kind` need the same. `expect` has arrays
    over all combinations of tile sizes (one vector of sizes an axis): memory and input axons of
    the neediest box, exact or a little less; `sent` output axons that all sources together then
    take. `reach` has the sources with a synapse into a box: a window of the source's shape, and
    whether each element of it has one; boxes of one `footprint` have the same. `slots` is the
    number of output axons that one of them takes.
    """

    def needs(self, box: Box) -> Needs: ...

    def kind(self, axis: int, span: tuple[int, int]) -> Hashable: ...

    def expect(self, sizes: list[Array]) -> tuple[Array, Array]: ...

    def sent(self, sizes: list[Array]) -> Array: ...

    def footprint(self, box: Box) -> Hashable: ...

    def reach(self, box: Box) -> tuple[tuple[slice, ...], Array]: ...

    def reached(self, grid: Grid) -> Array:
        """How many boxes of the grid each source element has a synapse into, source's shape."""

    def slots(self, tile: tuple[int, ...]) -> int: ...


def list_bits(entries: Array, entry_bits: int) -> Array:
    """Memory of lists of so many entries: whole blocks, and a last one rounded up to words."""
    rest = entries % ENTRIES_PER_BLOCK
    last = np.where(rest > 0, _words(HEADER_BITS + rest * entry_bits), 0)
    full = _words(HEADER_BITS + ENTRIES_PER_BLOCK * entry_bits)
    return np.asarray(entries // ENTRIES_PER_BLOCK * full + last, dtype=np.int64)


def _words(bits: Any) -> Any:
    return -(-bits // WORD_BITS) * WORD_BITS
