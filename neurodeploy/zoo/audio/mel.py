"""Mel spectra of recordings: triangles on the HTK scale over a magnitude spectrum.

    mel(f) = 2595 log10(1 + f / 700)
    band b: rises from 0 at f_b to 1 at f_b+1 and falls to 0 at f_b+2, the f evenly spaced in mel
    log-mel = ln(max(triangles |X|, 1e-7))

No band is normalised by its area: between the first and the last centre the bands sum to 1. These
are torchaudio's defaults, which vocoders are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

FLOOR = 1e-7


@dataclass(frozen=True)
class MelConfig:
    """The features of Vocos (Siuzdak 2023, arXiv:2306.00814)."""

    sample_rate: int = 24_000
    window: int = 1024  # samples, Hann
    hop: int = 256
    bands: int = 100


@cache
def triangles(config: MelConfig) -> npt.NDArray[np.float64]:
    """(bands, window / 2 + 1), read-only."""
    top = config.sample_rate / 2.0
    mels = np.linspace(0.0, 2595.0 * np.log10(1.0 + top / 700.0), config.bands + 2)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins = np.linspace(0.0, top, config.window // 2 + 1)
    slopes = (bins - edges[:, None]) / np.maximum(np.diff(edges, append=np.inf), 1e-9)[:, None]
    rising, falling = slopes[:-2], 1.0 - slopes[1:-1]
    filters = np.clip(np.minimum(rising, falling), 0.0, None)
    filters.flags.writeable = False
    return filters


def mel(x: Tensor, config: MelConfig | None = None) -> Tensor:
    """(B, samples) -> (B, bands, samples // hop + 1): centred frames, the ends mirrored."""
    c = config or MelConfig()
    window = torch.hann_window(c.window, dtype=x.dtype, device=x.device)
    spectrum = torch.stft(x, c.window, c.hop, window=window, center=True, return_complex=True)
    bands = torch.tensor(triangles(c), dtype=x.dtype, device=x.device)
    return bands @ spectrum.abs()


def log_mel(x: Tensor, config: MelConfig | None = None) -> Tensor:
    """(B, samples) -> (B, bands, samples // hop + 1): centred frames, the ends mirrored."""
    c = config or MelConfig()
    half = c.window // 2
    return log_mel_frames(functional.pad(x[:, None], (half, half), mode="reflect")[:, 0], c)


def log_mel_frames(x: Tensor, config: MelConfig) -> Tensor:
    """(B, samples) -> (B, bands, (samples - window) // hop + 1): the first frame starts with x."""
    c = config
    window = torch.hann_window(c.window, dtype=x.dtype, device=x.device)
    spectrum = torch.stft(x, c.window, c.hop, window=window, center=False, return_complex=True)
    bands = torch.tensor(triangles(c), dtype=x.dtype, device=x.device)
    return torch.log((bands @ spectrum.abs()).clamp(min=FLOOR))
