"""Weights on their way through netx: what lava-dl's loader and Lava make of a file's integers.

Sources: lava-dl 0.6.0, `lava.lib.dl.netx.utils.optimize_weight_bits` and `netx.blocks.process`;
lava-nc 0.10.0, `lava.proc.dense.models` and `lava.utils.weightutils`. The shifts are numpy's own on
int32, so that a negative one does here what it does there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import shifted
from neurodeploy.ir.program import Synapse

Array = np.ndarray[Any, np.dtype[Any]]
DEEPEST_EXP = 8


def held(parts: Sequence[Array]) -> tuple[list[Array], int]:
    """A layer's matrices as Lava's Dense holds them, and the exponent that shifts their sums.

    parts: the feed-forward weights and, of a recurrent layer, the recurrent ones. The loader clips,
    scales by 2^scale_bits and chooses a number of bits; Lava guesses a sign mode per matrix, clips
    to 8 bits and drops low bits. (All zeros divide by zero in the loader; here they stay zeros.)
    """
    together = np.concatenate([part.ravel() for part in parts])
    low, high = int(together.min()), int(together.max())
    if low == high == 0:
        return [np.asarray(part, dtype=np.int32) for part in parts], 0
    if (high > 254 and low < 0) or (low < -256 and high > 0):
        parts = [np.clip(part, -256, 254) for part in parts]
        low, high = max(low, -256), min(high, 254)
    signed = low < 0 <= high
    if signed:
        scale = min(127 / high if high else np.inf, -128 / low)
    else:
        scale = 255 / high if low >= 0 else -256 / low
    scale_bits = int(np.floor(np.log2(scale))) + signed
    trailing = _trailing_zeros(parts) - signed
    bits = 8 - scale_bits - trailing
    scaled = [np.left_shift(part.astype(np.int32), scale_bits) for part in parts]
    return [_clipped_and_truncated(part, bits) for part in scaled], -scale_bits


def _trailing_zeros(parts: Sequence[Array]) -> int:
    """By how many bits, at most 8, every weight can be shifted down without loss."""
    return max(n for n in range(9) if not any((part % (1 << n)).any() for part in parts))


def _clipped_and_truncated(weights: Array, bits: int) -> Array:
    inhibitory = bool(weights.max() <= 0 and weights.min() < 0)
    mixed = bool(weights.min() < 0 < weights.max())
    magnitudes = -weights if inhibitory else weights
    clipped = np.clip(magnitudes, -256 if mixed else 0, 255)
    drop = 8 - bits + mixed
    kept = (clipped >> drop) << drop
    return -kept if inhibitory else kept


def in_memory(weights: Array, exponent: int) -> tuple[Array, int] | None:
    """Weights and exponent with the same sums that 8 bits of synapse memory hold, or None.

    The exponent nearest to 0 is taken. A right shift of a sum is exact only if the weights lose
    nothing by it; weights that do keep their exponent.
    """
    unshifted = shifted(weights, exponent)
    if exponent > 0 or np.array_equal(unshifted << -exponent, weights):
        for k in range(DEEPEST_EXP + 1):
            if fits_memory(unshifted << k):
                return unshifted << k, -k
    return (weights, exponent) if fits_memory(weights) else None


def fits_memory(weights: Array) -> bool:
    """Whether 8 bits hold them: [-256, 254] and even with both signs, else up to 255."""
    low, high = int(weights.min(initial=0)), int(weights.max(initial=0))
    if low < 0 < high:
        return low >= -256 and high <= 254 and not (weights % 2).any()
    return low >= -255 and high <= 255


def folded(synapse: Synapse) -> Array | None:
    """Weights with the exponent folded in, a sparse matrix made dense; None if that is not exact
    or leaves the range of a netx file."""
    weights = synapse.weights.toarray() if synapse.kind == "sparse" else synapse.weights
    weights = np.asarray(weights).astype(np.int64)
    exponent = synapse.weight_exp
    result = shifted(weights, exponent)
    # a sum is shifted once, so a right shift of the weights is exact only if nothing falls off
    exact = exponent >= 0 or np.array_equal(result << -exponent, weights)
    mixed = result.min(initial=0) < 0 < result.max(initial=0)
    low, high = (-256, 254) if mixed else (-255, 255)
    within = low <= result.min(initial=0) and result.max(initial=0) <= high
    return result if exact and within else None


def survives_loading(parts: Sequence[Array]) -> bool:
    """Whether the sums of a layer's dense weights after lava-dl's loader are those of the file.

    -1 alone, for one, becomes -256, is clipped to -255 and truncated to 0; all zeros do not load.
    """
    if not any(part.any() for part in parts):
        return False
    found, exponent = held(parts)
    pairs = zip(found, parts, strict=True)
    return exponent <= 0 and all(np.array_equal(a, b << -exponent) for a, b in pairs)
