"""Error of compressed magnitudes: what speech quality hears and a signal-to-noise ratio does not.

    mean over bins of (|S^|^0.3 - |S|^0.3)^2, magnitudes relative to the root mean square of the
    mixture's, so that quiet recordings count as much as loud ones

SI-SNR is decided by the few bins that hold the energy; a power of 0.3 lets the weak ones, where
residual noise is heard, count as well. Source: Braun and Tashev 2020, "A consolidated view of loss
functions for supervised deep learning-based speech enhancement" (arXiv:2009.12286), exponent 0.3.
"""

from __future__ import annotations

from torch import Tensor

POWER = 0.3
FLOOR = 1e-4  # of relative magnitudes: bounds the gradient of the power


def compressed_error(found: Tensor, wanted: Tensor, noisy: Tensor) -> Tensor:
    """Magnitudes (B, L, bins) of the enhanced, the clean and the noisy speech -> a scalar."""
    level = noisy.square().mean((1, 2), keepdim=True).sqrt().clamp(min=FLOOR)
    a, b = ((x / level + FLOOR) ** POWER for x in (found, wanted))
    return (a - b).square().mean()
