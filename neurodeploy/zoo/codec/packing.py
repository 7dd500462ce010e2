"""Codes as bytes: 10 bits each, most significant first; a stream, then its times, then groups.

    bytes of n times = ceil(n streams groups bits / 8)

so that 4 times, 80 ms, are whole bytes at any rate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.integer[Any]]  # (streams, groups, times)
BITS = 10


def packed_size(codes: int) -> int:
    """Bytes of that many codes."""
    return -(-codes * BITS // 8)


def pack(codes: Codes) -> bytes:
    """Codes below 2^10 as bytes, the last one filled up with zeros."""
    flat = codes.swapaxes(1, 2).reshape(-1, 1).astype(np.uint16)
    bits = (flat >> np.arange(BITS - 1, -1, -1, dtype=np.uint16)) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def unpack(data: bytes, shape: tuple[int, int, int]) -> Codes:
    """The inverse, into (streams, groups, times)."""
    streams, groups, times = shape
    count = streams * groups * times
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count * BITS)
    weights = 1 << np.arange(BITS - 1, -1, -1)
    return (bits.reshape(-1, BITS) @ weights).reshape(streams, times, groups).swapaxes(1, 2)
