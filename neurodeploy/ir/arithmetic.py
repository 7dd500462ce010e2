"""Loihi's integer arithmetic, as Lava's bit-accurate process models define it.

Source: lava-nc 0.10.0, `lava.proc.lif.models.AbstractPyLifModelFixed`. Do not improve it: it is the
arithmetic of the chip. All integers are kept in int64 arrays; their values obey the stated widths.

The functions work element by element and have no branch on a value, so that they mean the same for
an array and for one integer: the backend `cpu` compiles them for single integers.
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


def decayed(x: Array, decay: int | Array) -> Array:
    """sign(x) * ((|x| * (4096 - decay)) >> 12): the product rounds toward zero.

    The product is taken in two parts, of which none needs more than 32 bits for a 24-bit x. Each is
    a floor; what is left of a negative one is rounded up.
    """
    kept = DECAY_UNITY - decay
    up = (x < 0) * (DECAY_UNITY - 1)
    low = ((x & (DECAY_UNITY - 1)) * kept + up) >> DECAY_BITS
    return (x >> DECAY_BITS) * kept + low


def shifted(x: Array, exponent: int) -> Array:
    """x << exponent, or the arithmetic (floor) right shift for a negative exponent."""
    return x << exponent if exponent > 0 else x >> -exponent


def nearest(x: Array, bits: int) -> Array:
    """x / 2^bits rounded to the nearest integer, halves up."""
    return (x + (1 << (bits - 1))) >> bits


def wrapped(x: Array) -> tuple[Array, Array]:
    """The 24-bit register: x > 2^23 loses 2^24, x <= -2^23 gains it; and which elements did (1)."""
    high = (x > STATE_LIMIT) * 1
    low = (x <= -STATE_LIMIT) * 1
    return x - (high - low) * (2 * STATE_LIMIT), high + low


def clipped(x: Array) -> tuple[Array, Array]:
    """x limited to +-(2^23 - 1), and which elements were (1)."""
    limited = np.minimum(np.maximum(x, 1 - STATE_LIMIT), STATE_LIMIT - 1)
    return limited, (limited != x) * 1


def subthreshold(
    u: Array, v: Array, a: Array, du: int | Array, dv: int | Array, bias: Array
) -> tuple[Array, Array, Array, Array]:
    """u = decayed(u, du + 1) + (a << 6), wrapped; v = decayed(v, dv) + u + bias, clipped.

    Returns u, v, the larger magnitude of both before wrapping and clipping, and how many did.
    """
    current = decayed(u, du + DU_OFFSET) + (a << MANTISSA_SHIFT)
    u_new, wraps = wrapped(current)
    voltage = decayed(v, dv) + u_new + bias
    v_new, clips = clipped(voltage)
    peak = np.maximum(np.abs(current), np.abs(voltage))
    return u_new, v_new, peak, wraps + clips


def effective_bias(bias_mant: Array, bias_exp: int) -> Array:
    """bias = mantissa << exponent (floor shift right for a negative exponent)."""
    return shifted(np.asarray(bias_mant, dtype=np.int64), bias_exp)


def wrapped_int32(x: Array) -> Array:
    """x modulo 2^32 into -2^31..2^31 - 1: the arithmetic of Lava's int32 states."""
    half = 1 << 31
    return ((x + half) & ((1 << 32) - 1)) - half
