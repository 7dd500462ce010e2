"""Speech from mel spectra without a network: Griffin-Lim.

A   magnitudes >= 0 with triangles A ~ exp(log-mel): least squares by the multiplicative updates
    of Lee and Seung (2001), from the pseudo-inverse
P   phases, random at first; 32 times X = stft(istft(A P)), P = the phase of X + 0.99 (X - X'),
    X' the one before (Griffin and Lim 1984 in Perraudin et al. 2013's fast form)
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from neurodeploy.zoo.audio.mel import MelConfig, triangles

MOMENTUM = 0.99
ITERATIONS = 32
UPDATES = 100
TINY = 1e-8


@cache
def _inverse(config: MelConfig) -> tuple[Tensor, Tensor]:
    filters = torch.tensor(triangles(config), dtype=torch.float32)
    return filters, torch.linalg.pinv(filters)


def magnitudes(log_mel: Tensor, config: MelConfig) -> Tensor:
    """(B, bands, L) -> (B, bins, L), not negative."""
    filters, inverse = _inverse(config)
    bands = torch.exp(log_mel)
    found = (inverse @ bands).clamp(min=TINY)
    wanted, gram = filters.T @ bands, filters.T @ filters
    for _ in range(UPDATES):
        found = found * wanted / (gram @ found + TINY)
    return found


def with_phases(magnitude: Tensor, config: MelConfig, iterations: int = ITERATIONS) -> Tensor:
    """(B, bins, L) -> speech (B, hop (L - 1)); the same every time."""
    c = config
    window = torch.hann_window(c.window)
    generator = torch.Generator().manual_seed(0)
    turns = torch.rand(magnitude.shape, generator=generator)
    spectrum = torch.polar(magnitude, 2.0 * torch.pi * turns)
    before = torch.zeros_like(spectrum)
    for _ in range(iterations):
        audio = torch.istft(spectrum, c.window, c.hop, window=window)
        now = torch.stft(audio, c.window, c.hop, window=window, return_complex=True)
        ahead = now + MOMENTUM * (now - before)
        spectrum = magnitude * ahead / (ahead.abs() + TINY)
        before = now
    return torch.istft(spectrum, c.window, c.hop, window=window)


def griffin_lim(log_mel: Tensor, config: MelConfig) -> Tensor:
    """Log-mel (B, bands, L) of zoo/audio/mel.py -> speech (B, hop (L - 1))."""
    return with_phases(magnitudes(log_mel, config), config)
