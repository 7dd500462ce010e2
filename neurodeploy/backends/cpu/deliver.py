"""What messages add to their targets. Plain functions: `compilation` compiles them.

Weights lie by source, in rows of `stride`: first those of the source's targets, in their order,
then zeros, which are added to what lies behind the targets: SPARE places are kept there.
values is empty if every message is 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.backends.cpu.lanes import sum_of_rows

Array = np.ndarray[Any, np.dtype[Any]]

INT16_MAX = 32767
SPARE = 16  # a stride is a multiple of the fewest lanes

add_256, add_64, add_32, add_16 = (sum_of_rows(lanes) for lanes in (256, 64, 32, 16))
weigh_64, weigh_16 = (sum_of_rows(lanes, weighted=True) for lanes in (64, 16))


def clear(array: Array) -> None:
    """Zeros throughout."""
    for j in range(len(array)):
        array[j] = 0


def copy(source: Array, target: Array) -> None:
    """The elements of `source` to a `target` of the same length."""
    for j in range(len(source)):
        target[j] = source[j]


def add_rows(
    weights: Array,
    stride: int,
    offset: int,
    events: Array,
    values: Array,
    largest: int,
    total: Array,
) -> None:
    """total[:stride] += value times the row number event + `offset`, of all messages."""
    if len(values):
        add_weighted_rows(weights, stride, offset, events, values, total)
    else:
        add_plain_rows(weights, stride, offset, events, largest, total)


def add_plain_rows(
    weights: Array, stride: int, offset: int, events: Array, largest: int, total: Array
) -> None:
    """Rows go to `total` before |weights| <= `largest` could overflow their sums in int16."""
    most = INT16_MAX // largest
    for first in range(0, len(events), most):
        some = events[first : first + most]
        column = 0
        while column + 256 <= stride:
            add_256(weights, stride, offset, column, some, some, total)
            column += 256
        while column + 64 <= stride:
            add_64(weights, stride, offset, column, some, some, total)
            column += 64
        if column + 32 <= stride:
            add_32(weights, stride, offset, column, some, some, total)
            column += 32
        if column < stride:
            add_16(weights, stride, offset, column, some, some, total)


def add_weighted_rows(
    weights: Array, stride: int, offset: int, events: Array, values: Array, total: Array
) -> None:
    """Messages that carry a value."""
    column = 0
    while column + 64 <= stride:
        weigh_64(weights, stride, offset, column, events, values, total)
        column += 64
    while column < stride:
        weigh_16(weights, stride, offset, column, events, values, total)
        column += 16


def add_sparse(
    weights: Array, index: Array, sources: int, events: Array, values: Array, total: Array
) -> None:
    """total += value times a source's connections; index: where each source's begin, targets."""
    starts, targets = index[: sources + 1], index[sources + 1 :]
    for e in range(len(events)):
        first, stop = starts[events[e]], starts[events[e] + 1]
        value = values[e] if len(values) else 1
        row, to = weights[first:stop], targets[first:stop]
        for k in range(len(row)):
            total[to[k]] += value * row[k]


def add_shifted(sums: Array, shift: int, total: Array) -> None:
    """total += sums << shift, or the floor of the right shift."""
    if shift >= 0:
        for j in range(len(total)):
            total[j] += sums[j] << shift
    else:
        for j in range(len(total)):
            total[j] += sums[j] >> -shift
