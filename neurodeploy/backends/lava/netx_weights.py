"""Weights as netx files hold them: no exponent, and such that lava-dl's loader keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurodeploy.ir.program import Synapse

Array = np.ndarray[Any, np.dtype[Any]]


def folded(synapse: Synapse) -> Array | None:
    """Dense weights with the exponent folded in, or None if that is not exact."""
    weights = synapse.weights.toarray() if synapse.kind == "sparse" else synapse.weights
    weights = np.asarray(weights).astype(np.int64)
    exponent = synapse.weight_exp
    folded = weights << exponent if exponent > 0 else weights >> -exponent
    # a sum is shifted once, so a right shift of the weights is exact only if nothing falls off
    exact = exponent >= 0 or np.array_equal(folded << -exponent, weights)
    mixed = folded.min(initial=0) < 0 < folded.max(initial=0)
    low, high = (-256, 254) if mixed else (-255, 255)
    return folded if exact and low <= folded.min() and folded.max() <= high else None


def survives_loading(parts: Sequence[Array]) -> bool:
    """Whether Lava holds a layer's dense weights after lava-dl's `optimize_weight_bits` as they
    were.

    parts: the feed-forward weights and, of a recurrent layer, the recurrent ones. The loader
    scales by 2^scale_bits and passes no sign mode on; Lava then guesses one per synapse, clips
    and truncates. -1 alone, for one, becomes -256, is clipped to -255 and truncated to 0.
    """
    together = np.concatenate([part.ravel() for part in parts])
    low, high = int(together.min()), int(together.max())
    if low == high == 0:
        return False  # the loader divides by the largest weight
    signed = low < 0 <= high
    if signed:
        scale = min(127 / high if high else np.inf, -128 / low)
    else:
        scale = 255 / high if low >= 0 else -256 / low
    scale_bits = int(np.floor(np.log2(scale))) + signed
    trailing = max((n for n in range(9) if not (together % (1 << n)).any()), default=0)
    bits = 8 - scale_bits - (trailing - signed)
    return all(_kept(part, scale_bits, bits) for part in parts)


def _kept(weights: Array, scale_bits: int, bits: int) -> bool:
    """Lava's clip and truncation of `weights << scale_bits`, compared with itself."""
    if scale_bits < 0:
        return False
    scaled = weights << scale_bits
    mixed = bool(scaled.min() < 0 < scaled.max())
    sign = -1 if scaled.max() <= 0 and scaled.min() < 0 else 1
    drop = 8 - bits + mixed
    if drop < 0:
        return False
    clipped = np.clip(sign * scaled, -256 if mixed else 0, 255)
    return np.array_equal((clipped >> drop) << drop, sign * scaled)
