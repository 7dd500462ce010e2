"""Baseline: frame level above a tracked noise floor, the oldest voice activity detector.

    floor[t] = min(level[t], floor[t-1] + rise),    score[t] = mean over 10 frames of level - floor

The floor falls at once with a quieter frame and rises slowly, so it rests on the pauses. Levels are
those of the 25 ms frames that the network's features see, in dB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.data.labels import frame_levels_db

RISE_DB = 0.03  # per frame: 3 dB a second
SMOOTH = 10  # frames: 100 ms
LOWEST_DB = -90.0  # digital silence counts as this


def energy_score(audio: Audio) -> npt.NDArray[np.float64]:
    """(samples,) -> smoothed level above the noise floor in dB, (samples // 160,); causal."""
    levels = np.maximum(frame_levels_db(audio), LOWEST_DB)
    above = np.empty_like(levels)
    floor = levels[0] if levels.size else 0.0
    for t, level in enumerate(levels):
        floor = min(level, floor + RISE_DB)
        above[t] = level - floor
    total = np.concatenate([np.zeros(SMOOTH), np.cumsum(above)])
    return np.asarray((total[SMOOTH:] - total[:-SMOOTH]) / SMOOTH)


def energy_scores(audio: Sequence[Audio]) -> npt.NDArray[np.float64]:
    """B recordings of equal length -> scores (T, B)."""
    return np.stack([energy_score(x) for x in audio], axis=1)
