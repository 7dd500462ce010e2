"""Loihi's integer arithmetic, as Lava's bit-accurate process models define it.

Source: lava-nc 0.10.0, `lava.proc.lif.models.AbstractPyLifModelFixed`. Do not improve it: it is the
arithmetic of the chip. All integers are kept in int64 arrays; their values obey the stated widths.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

STATE_BITS = 24
STATE_LIMIT = 1 << (STATE_BITS - 1)
DECAY_BITS = 12
DECAY_UNITY = 1 << DECAY_BITS
DU_OFFSET = 1
THRESHOLD_MANTISSA_MAX = (1 << 17) - 1
BIAS_MANTISSA_MAX = (1 << 12) - 1
BIAS_EXP_MAX = 7
MANTISSA_SHIFT = 6


def decayed(x: Array, decay: int) -> Array:
    """sign(x) * ((|x| * (4096 - decay)) >> 12): the product rounds toward zero."""
    return np.sign(x) * ((np.abs(x) * (DECAY_UNITY - decay)) >> DECAY_BITS)


def shifted(x: Array, exponent: int) -> Array:
    """x << exponent, or the arithmetic (floor) right shift for a negative exponent."""
    return x << exponent if exponent > 0 else x >> -exponent


def wrapped(x: Array) -> tuple[Array, int]:
    """The 24-bit register: x > 2^23 loses 2^24, x <= -2^23 gains it; and how many elements did."""
    high = x > STATE_LIMIT
    low = x <= -STATE_LIMIT
    count = int(high.sum()) + int(low.sum())
    if count:
        x = np.where(high, x - 2 * STATE_LIMIT, np.where(low, x + 2 * STATE_LIMIT, x))
    return x, count


def clipped(x: Array) -> tuple[Array, int]:
    """x limited to +-(2^23 - 1), and how many elements were."""
    limit = STATE_LIMIT - 1
    count = int((np.abs(x) > limit).sum())
    return (np.clip(x, -limit, limit) if count else x), count


def subthreshold(
    u: Array, v: Array, a: Array, du: int, dv: int, bias: Array
) -> tuple[Array, Array, float, int]:
    """u = decayed(u, du + 1) + (a << 6), wrapped; v = decayed(v, dv) + u + bias, clipped.

    Returns u, v, the largest magnitude before wrapping and clipping, and how many elements did.
    """
    current = decayed(u, du + DU_OFFSET) + (a << MANTISSA_SHIFT)
    u_new, wraps = wrapped(current)
    voltage = decayed(v, dv) + u_new + bias
    v_new, clips = clipped(voltage)
    peak = float(max(np.abs(current).max(initial=0), np.abs(voltage).max(initial=0)))
    return u_new, v_new, peak, wraps + clips


def effective_bias(bias_mant: Array, bias_exp: int) -> Array:
    """bias = mantissa << exponent (floor shift right for a negative exponent)."""
    return shifted(np.asarray(bias_mant, dtype=np.int64), bias_exp)


def wrapped_int32(x: Array) -> Array:
    """x modulo 2^32 into -2^31..2^31 - 1: the arithmetic of Lava's int32 states."""
    half = 1 << 31
    return ((x + half) & ((1 << 32) - 1)) - half
