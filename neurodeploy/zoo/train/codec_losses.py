"""What a codec's speech is compared by, and how well its codes are used.

    spectrum      mean (c(S) - c(E))^2 over real and imaginary parts,
                  c(x) = sign(x) (|x| + 1e-10)^0.3, or x where spectra are companded already
    mel           sum over windows of 32, 64, ... 2048 samples, 5 to 320 bands, hops a quarter, of
                  mean |M - N| + mean |10-log of max(M, 1e-5)^2 - that of N|
    mel distance  the second part of it alone
    utilization   entropy of the codes of a set, in bits, over log2 of the codebook's size

Sources: Gu and Diao 2024 (arXiv:2404.19441) and the code they published; for mel spectra DAC
(arXiv:2306.06546). Bands are those of zoo/audio/mel.py.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neurodeploy.zoo.audio.io import SAMPLE_RATE
from neurodeploy.zoo.audio.mel import MelConfig, mel

POWER, TINY = 0.3, 1e-10
MEL_FLOOR = 1e-5
FRONTS = tuple(
    MelConfig(SAMPLE_RATE, window, window // 4, bands)
    for window, bands in ((32 << n, 5 << n) for n in range(7))
)


def _compressed(x: Tensor) -> Tensor:
    return x.sign() * (x.abs() + TINY) ** POWER


def spectrum_loss(estimate: Tensor, target: Tensor, *, companded: bool = False) -> Tensor:
    """Spectra with real and imaginary parts as channels, (B, 2, bins, frames) each."""
    if companded:
        return (estimate - target).square().mean()
    return (_compressed(estimate) - _compressed(target)).square().mean()


def mel_terms(estimate: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """(B, samples) each -> the linear and the logarithmic part of the mel loss."""
    both = torch.cat([estimate, target])
    linear, logarithmic = [], []
    for front in FRONTS:
        bands = mel(both, front)
        ours, theirs = bands.chunk(2)
        linear.append((ours - theirs).abs().mean())
        ours, theirs = (2.0 * torch.log10(bands.clamp(min=MEL_FLOOR))).chunk(2)
        logarithmic.append((ours - theirs).abs().mean())
    return torch.stack(linear).sum(), torch.stack(logarithmic).sum()


def code_counts(codes: Tensor, size: int) -> Tensor:
    """Codes (B, streams, groups, L) -> how often each occurs, (streams, groups, size)."""
    flat = codes.permute(1, 2, 0, 3).flatten(2)
    rows = [torch.bincount(group, minlength=size) for stream in flat for group in stream]
    return torch.stack(rows).view(*flat.shape[:2], size)


def utilization(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Counts (..., size) -> the share of codes in use, and of the bits: entropy / log2 size."""
    size = counts.shape[-1]
    p = counts / counts.sum(-1, keepdim=True).clamp(min=1)
    entropy = -torch.special.xlogy(p, p).sum(-1) / math.log(2.0)
    return (counts > 0).float().mean(-1), entropy / math.log2(size)
