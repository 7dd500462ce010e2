"""What the compiled kernel is called with: named tuples of arrays.

`Word` arrays are int32, or int64 where a run's integers need it; all others are int64 unless said.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Tables(NamedTuple):
    """The Program; see `columns` for the rows and `plan` for what the arrays hold.

    weights8, weights16: int8 and int16; links, fans: int32; each: Word.
    """

    nodes: Array
    populations: Array
    synapses: Array
    scalars: Array
    each: Array
    weights8: Array
    weights16: Array
    links: Array
    fans: Array


class Memory(NamedTuple):
    """What a run keeps, per sample: states `(B, all states)` Word; the messages of the last steps,
    events int32 and values Word `(B, all slots)`; how many each slot holds and their largest
    magnitude, slots `(B, slots, 2)`."""

    states: Array
    events: Array
    values: Array
    slots: Array


class Given(NamedTuple):
    """Messages of the ports. Those of port p, step t, sample b are indices[ends[i - 1] : ends[i]]
    (int32; values: Word, empty if no port is graded) with i = (p * steps + t) * B + b."""

    ends: Array
    indices: Array
    values: Array


class Records(NamedTuple):
    """What to write down: a row per record, sorted by population, of which number p has those up to
    ends[p]; `(steps, B, N)` of each record in `written` (Word)."""

    rows: Array
    ends: Array
    written: Array


class Counters(NamedTuple):
    """Sums over steps and samples, a row per population and per synapse."""

    populations: Array
    synapses: Array


class Scratch(NamedTuple):
    """Room for one population: sums and total of what arrives, with SPARE places behind them, and
    what it sends (Word); which neurons do (uint8); where a convolution's messages begin (int32)."""

    sums: Array
    total: Array
    sent: Array
    flags: Array
    begins: Array


class Span(NamedTuple):
    """Steps `start` to `stop` of samples `first` to `last` of `batch`; the largest magnitude that
    a sum may have."""

    start: int
    stop: int
    first: int
    last: int
    batch: int
    limit: int
