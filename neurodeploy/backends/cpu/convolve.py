"""Convolutions, by message or by output. Plain functions: `compilation` compiles them.

Few messages: each adds one row for every tap that reaches an output. Many: each output adds up the
rows of the messages in its field, of which there are so many that starting a sum no longer counts.
Messages lie in the order of their places, so that those of neighbouring places are one piece.

A Shape is (source places, channels, channels per group, stride of a row, outputs per group); see
`layout` for the two tables.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.backends.cpu.deliver import add_rows, clear

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, int, int, int, int]

RECIPROCAL_BITS = 40


def add_taps(
    weights: Array,
    table: Array,
    shape: Shape,
    events: Array,
    values: Array,
    largest: int,
    total: Array,
) -> None:
    """By message. table: where the taps of each source place begin; per tap the first target and
    the offset of the row."""
    places, channels, group, stride, length = shape
    starts, taps = table[: places + 1], table[places + 1 :]
    for e in range(len(events)):
        place = events[e] // channels
        block = (events[e] - place * channels) // group * length
        one, its_value = events[e : e + 1], values[e : e + 1]
        for k in range(starts[place], starts[place + 1]):
            target = total[taps[2 * k] + block :]
            add_rows(weights, stride, taps[2 * k + 1], one, its_value, largest, target)


def add_fields(
    weights: Array,
    table: Array,
    shape: Shape,
    events: Array,
    values: Array,
    largest: int,
    begins: Array,
    total: Array,
) -> None:
    """By output. table: how many output places, where the pieces of each begin; per piece its
    first place, the last, and the offset of the rows."""
    places, channels, group, stride, length = shape
    groups = channels // group
    outputs = table[0]
    starts, pieces = table[1 : outputs + 2], table[outputs + 2 :]
    list_begins(events, group, begins[: places * groups + 1])
    for place in range(outputs):
        for block in range(groups):
            target = total[(place * groups + block) * length :]
            for k in range(starts[place], starts[place + 1]):
                first = begins[pieces[3 * k] * groups + block]
                stop = begins[pieces[3 * k + 1] * groups + block + 1]
                if first < stop:
                    some, theirs = events[first:stop], values[first:stop]
                    add_rows(weights, stride, pieces[3 * k + 2], some, theirs, largest, target)


def list_begins(events: Array, group: int, begins: Array) -> None:
    """begins[c] = how many events are less than c * `group`."""
    clear(begins)
    reciprocal = (1 << RECIPROCAL_BITS) // group + 1
    for e in range(len(events)):
        begins[((events[e] * reciprocal) >> RECIPROCAL_BITS) + 1] = e + 1
    for cell in range(len(begins) - 1):
        begins[cell + 1] = max(begins[cell], begins[cell + 1])
