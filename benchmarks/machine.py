"""What one core can do at best: int8 weights added into int32 sums, and memory read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
SOURCES, TARGETS = 512, 512  # the weights of one layer: in the second-level cache
READ_BYTES = 1 << 28
REPEATS = 40


def roofline() -> dict[str, float]:
    """accumulate_hz: int8 weights added into int32 sums a second, eight rows a pass;
    accumulate_int16_hz: the same through partial sums in int16, as the backend does it;
    bandwidth_bytes_hz: bytes read a second from memory that no cache holds.
    """
    import numba

    from neurodeploy.backends.cpu.compilation import compiled_helper
    from neurodeploy.backends.cpu.deliver import add_plain_rows

    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, SOURCES * TARGETS).astype(np.int8)
    total = np.zeros(TARGETS, dtype=np.int32)
    events = np.arange(SOURCES, dtype=np.int32)
    plain, narrow = numba.njit(add_eight_rows), compiled_helper(add_plain_rows)
    memory = np.ones(READ_BYTES // 8, dtype=np.int64)
    read = numba.njit(read_all)
    return {
        "accumulate_hz": weights.size / best_seconds(lambda: plain(weights, total)),
        "accumulate_int16_hz": weights.size
        / best_seconds(lambda: narrow(weights, TARGETS, 0, events, 128, total)),
        "bandwidth_bytes_hz": READ_BYTES / best_seconds(lambda: read(memory), 10),
    }


def add_eight_rows(weights: Array, total: Array) -> None:
    """total += all rows of `weights` (flat)."""
    n = len(total)
    for start in range(0, len(weights), 8 * n):
        w0, w1 = weights[start:][:n], weights[start + n :][:n]
        w2, w3 = weights[start + 2 * n :][:n], weights[start + 3 * n :][:n]
        w4, w5 = weights[start + 4 * n :][:n], weights[start + 5 * n :][:n]
        w6, w7 = weights[start + 6 * n :][:n], weights[start + 7 * n :][:n]
        for j in range(n):
            total[j] += (
                np.int32(w0[j]) + np.int32(w1[j]) + np.int32(w2[j]) + np.int32(w3[j])
                + np.int32(w4[j]) + np.int32(w5[j]) + np.int32(w6[j]) + np.int32(w7[j])
            )  # fmt: skip


def read_all(values: Array) -> int:
    """The sum."""
    total = 0
    for i in range(len(values)):
        total += values[i]
    return total


def best_seconds(function: Callable[[], object], repeats: int = REPEATS) -> float:
    """The shortest of the repeats, in processor time: what the machine can do when left alone."""
    function()
    found = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        found.append(time.process_time() - begin)
    return min(found)
