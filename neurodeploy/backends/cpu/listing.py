"""Which neurons sent something: from flags to a list. Plain functions: `compilation` compiles them.

Eight flags, bytes of 0 or 1, are the digits of an index into a table of lists: so long as one of
the eight is set, the work is the same however many are, and nothing has to be predicted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

EIGHT = 8
BITS_OF_BYTES = np.uint64(0x0102040810204080)  # times eight bytes: their lowest bits on top
TOP_BYTE = np.uint64(56)
SET = np.array([[n >> k & 1 for k in range(EIGHT)] for n in range(256)], dtype=bool)
HOW_MANY = SET.sum(axis=1).astype(np.int64)
WHICH = np.argsort(~SET, axis=1, kind="stable").astype(np.int32)


def padded(size: int) -> int:
    """The length of flags for so many neurons: a multiple of eight."""
    return (size + EIGHT - 1) // EIGHT * EIGHT


def mark(sent: Array, flags: Array) -> None:
    """flags = 1 where `sent` is not 0, and 0 behind its end."""
    for i in range(len(sent)):
        flags[i] = sent[i] != 0
    for i in range(len(sent), len(flags)):
        flags[i] = 0


def collect(flags: Array, indices: Array) -> int:
    """Writes the places of the flags that are set, in order; how many. len(flags): `padded`.

    Writes up to eight elements more of `indices`, too.
    """
    count = 0
    words = flags.view(np.uint64)
    for w in range(len(words)):
        if words[w] != 0:
            number = (words[w] * BITS_OF_BYTES) >> TOP_BYTE
            which, found = WHICH[number], indices[count : count + EIGHT]
            for k in range(EIGHT):
                found[k] = which[k] + EIGHT * w
            count += HOW_MANY[number]
    return count
