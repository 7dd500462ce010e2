"""Magnitudes as a chip takes them: graded integers on a logarithmic scale.

    level = round(clip((20 log10(|X| + 1e-5) - floor_db) / (ceiling_db - floor_db), 0, 1) top)
    feature = level / 2^bits,  top = 2^bits - 1

so that a feature is an exact multiple of 2^-bits, and nothing is left to round on the chip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

TINY = 1e-5


@dataclass(frozen=True)
class LogLevels:
    """The scale; for spectra of zoo/audio/stft.py, where a full-scale sine has about 44 dB."""

    floor_db: float = -50.0
    ceiling_db: float = 40.0
    bits: int = 8

    @property
    def top(self) -> int:
        return 2**self.bits - 1

    def features(self, magnitude: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Magnitudes of any shape -> features of the same shape, in [0, 1)."""
        share = self.share(20.0 * np.log10(magnitude + TINY))
        return np.rint(np.clip(share, 0.0, 1.0) * self.top) / 2**self.bits

    def share(self, db: Any) -> Any:
        """Decibels -> place on the scale, 0 at the floor and 1 at the ceiling."""
        return (db - self.floor_db) / (self.ceiling_db - self.floor_db)
