"""What messages add to their targets. Plain functions: `compilation` compiles them.

Every loop over targets runs on slices of its own: the compiler then knows that indices are not
negative and that nothing else moves, and uses vector instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

INT16_MAX = 32767
ROWS_AT_ONCE = 8


def clear(array: Array) -> None:
    """Zeros throughout."""
    for j in range(len(array)):
        array[j] = 0


def copy(source: Array, target: Array) -> None:
    """The elements of `source` to a `target` of the same length."""
    for j in range(len(source)):
        target[j] = source[j]


def add_rows(weights: Array, events: Array, largest: int, partial: Array, total: Array) -> None:
    """total += rows of `weights` (flat, one row per source) that the events name.

    Eight rows at a time add up in int16, which holds twice as many lanes as int32, and go to
    `total` before |weights| <= `largest` could overflow it.
    """
    n = len(total)
    most = INT16_MAX // largest // ROWS_AT_ONCE * ROWS_AT_ONCE
    sums = partial[:n]
    done = 0
    while done < len(events):
        stop = min(len(events), done + most)
        for j in range(n):
            sums[j] = 0
        while done + ROWS_AT_ONCE <= stop:
            w0 = weights[events[done] * n :][:n]
            w1 = weights[events[done + 1] * n :][:n]
            w2 = weights[events[done + 2] * n :][:n]
            w3 = weights[events[done + 3] * n :][:n]
            w4 = weights[events[done + 4] * n :][:n]
            w5 = weights[events[done + 5] * n :][:n]
            w6 = weights[events[done + 6] * n :][:n]
            w7 = weights[events[done + 7] * n :][:n]
            for j in range(n):
                sums[j] += w0[j] + w1[j] + w2[j] + w3[j] + w4[j] + w5[j] + w6[j] + w7[j]
            done += ROWS_AT_ONCE
        while done < stop:
            row = weights[events[done] * n :][:n]
            for j in range(n):
                sums[j] += row[j]
            done += 1
        for j in range(n):
            total[j] += sums[j]


def add_weighted_rows(weights: Array, events: Array, values: Array, total: Array) -> None:
    """total += value times row, for messages that carry a value."""
    n = len(total)
    done = 0
    while done + 4 <= len(events):
        w0 = weights[events[done] * n :][:n]
        w1 = weights[events[done + 1] * n :][:n]
        w2 = weights[events[done + 2] * n :][:n]
        w3 = weights[events[done + 3] * n :][:n]
        x0, x1, x2, x3 = values[done], values[done + 1], values[done + 2], values[done + 3]
        for j in range(n):
            total[j] += x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
        done += 4
    while done < len(events):
        row = weights[events[done] * n :][:n]
        x0 = values[done]
        for j in range(n):
            total[j] += x0 * row[j]
        done += 1


def add_sparse(
    weights: Array, index: Array, sources: int, events: Array, values: Array, total: Array
) -> None:
    """total += value times a source's connections; index: where each source's begin, targets.

    values is empty if every message is 1.
    """
    starts, targets = index[: sources + 1], index[sources + 1 :]
    for e in range(len(events)):
        first, stop = starts[events[e]], starts[events[e] + 1]
        value = values[e] if len(values) else 1
        row, to = weights[first:stop], targets[first:stop]
        for k in range(len(row)):
            total[to[k]] += value * row[k]


def add_taps(
    weights: Array,
    index: Array,
    shape: tuple[int, int, int, int],
    events: Array,
    values: Array,
    total: Array,
) -> None:
    """A convolution, message by message: each tap that reaches an output adds `length` channels.

    shape: source places, channels of the source, channels per group, `length`.
    """
    places, channels, group, length = shape
    starts, entries = index[: places + 1], index[places + 1 :]
    for e in range(len(events)):
        place = events[e] // channels
        channel = events[e] - place * channels
        block, tap = channel // group * length, channel * length
        value = values[e] if len(values) else 1
        for k in range(starts[place], starts[place + 1]):
            row = weights[entries[2 * k + 1] + tap :][:length]
            sums = total[entries[2 * k] + block :][:length]
            if value == 1:
                for j in range(length):
                    sums[j] += row[j]
            else:
                for j in range(length):
                    sums[j] += value * row[j]


def add_shifted(sums: Array, shift: int, total: Array) -> None:
    """total += sums << shift, or the floor of the right shift."""
    if shift >= 0:
        for j in range(len(total)):
            total[j] += sums[j] << shift
    else:
        for j in range(len(total)):
            total[j] += sums[j] >> -shift
