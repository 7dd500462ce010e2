"""Spectrograms to look at: dB over frames and bins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.audio.stft import StftConfig, StreamingStft

WINDOW = StftConfig(512, 128, "sqrt_hann")
FLOOR_DB = -80.0


def spectrogram_db(x: Audio) -> npt.NDArray[np.float64]:
    """(samples,) -> (L, 257) dB, 0 for a full-scale sine, floor -80; frames of 32 ms every 8."""
    c, stream = WINDOW, StreamingStft(WINDOW)
    padded = np.pad(x, (0, -x.size % c.hop))
    frames = np.stack([stream.analyse(hop) for hop in padded.reshape(-1, c.hop)])
    full_scale = c.taper().sum() / 2.0
    db = 20.0 * np.log10(np.abs(frames) / full_scale + 1e-9)
    return np.maximum(db, FLOOR_DB)
