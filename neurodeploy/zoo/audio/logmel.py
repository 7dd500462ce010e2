"""Causal log-mel features in numpy, the same offline and streamed.

Frame t sees the 400 samples that end with sample 160 (t+1) - 1, so it is complete 10 ms after
frame t-1 and nothing later is needed; zeros stand in before the recording. Per frame and band

    x = round(clip((10 log10(E + 1e-10) - floor_db) / (ceiling_db - floor_db), 0, 1) * top) / 2^bits

where E is the band's share of the frame's mean power and top = 2^bits - 1. The values are exact
multiples of 2^-bits: what a chip takes as graded integers of that width, with nothing to round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LogMelConfig:
    """Everything that a feature value depends on; stored beside a trained network's weights."""

    n_mels: int = 40  # triangular bands, equally wide in mel
    frame: int = 400  # samples a frame sees: 25 ms
    hop: int = 160  # samples from frame to frame: 10 ms, one network step
    n_fft: int = 512  # frame zero-padded to a power of two
    low_hz: float = 60.0  # lower edge of the first band
    high_hz: float = 7_600.0  # upper edge of the last band
    floor_db: float = -85.0  # band power (dB re full scale) that maps to 0
    ceiling_db: float = -22.0  # band power that maps to the top: 1 dB per 6-bit step
    bits: int = 6  # width of a feature as unsigned integer


def _mel(hz: npt.NDArray[Any] | float) -> npt.NDArray[np.float64]:
    # O'Shaughnessy's formula, as HTK uses it
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0))


def mel_filters(config: LogMelConfig) -> npt.NDArray[np.float64]:
    """Triangles of height 1 over the FFT bins, (n_mels, n_fft // 2 + 1)."""
    edges = np.linspace(_mel(config.low_hz), _mel(config.high_hz), config.n_mels + 2)
    bins = _mel(np.fft.rfftfreq(config.n_fft, 1.0 / SAMPLE_RATE))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    return np.asarray(np.clip(np.minimum(rising, falling), 0.0, None))


class LogMel:
    """Feature extractor with the memory of one stream; `offline` ignores that memory."""

    def __init__(self, config: LogMelConfig | None = None) -> None:
        self.config = config or LogMelConfig()
        n = self.config.frame
        self._window = np.hanning(n + 1)[:n]  # periodic Hann
        self._filters = mel_filters(self.config).T
        # Parseval: a one-sided power spectrum over this is the windowed frame's mean power
        self._power = self.config.n_fft * float((self._window**2).sum()) / 2.0
        self.reset()

    def reset(self) -> None:
        """Forget the stream: silence before the next sample."""
        self._tail = np.zeros(self.config.frame - self.config.hop, dtype=np.float32)

    def offline(self, audio: Audio) -> Features:
        """(samples,) -> (samples // hop, n_mels) float32 in [0, 1)."""
        silence = np.zeros(self.config.frame - self.config.hop, dtype=np.float32)
        return self._frames(np.concatenate([silence, audio]))

    def stream(self, chunk: Audio) -> Features:
        """The next samples of the stream, any number -> the frames they complete (n, n_mels)."""
        samples = np.concatenate([self._tail, chunk])
        frames = self._frames(samples)
        self._tail = samples[len(frames) * self.config.hop :]
        return frames

    def _frames(self, samples: Audio) -> Features:
        c = self.config
        if samples.size < c.frame:
            return np.zeros((0, c.n_mels), dtype=np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(samples, c.frame)[:: c.hop]
        spectrum = np.fft.rfft(windows.astype(np.float64) * self._window, n=c.n_fft)
        energy = (np.abs(spectrum) ** 2) @ self._filters / self._power
        return self.normalise(10.0 * np.log10(energy + 1e-10))

    def normalise(self, db: npt.NDArray[np.float64]) -> Features:
        """Band powers in dB -> features, multiples of 2^-bits in [0, 1)."""
        c = self.config
        share = np.clip((db - c.floor_db) / (c.ceiling_db - c.floor_db), 0.0, 1.0)
        levels = 2**c.bits
        return np.asarray(np.rint(share * (levels - 1)) / levels, dtype=np.float32)
