"""Enhancement by a magnitude mask: what surrounds a network between two transforms.

    X = stft(noisy);  o = network(features(|X|));  enhanced = istft(relu(1 + o) X)

The phase stays the noisy one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neurodeploy.zoo.audio.log_levels import TINY, LogLevels
from neurodeploy.zoo.audio.stft import StftConfig
from neurodeploy.zoo.audio.torch_stft import Stft

Features = Callable[[Tensor], Tensor]


def shifted(magnitude: Tensor) -> Tensor:
    """|X| - 0.2: the features of the N-DNS challenge (arXiv:2303.09503)."""
    return magnitude - 0.2


def shifted_in_64ths(magnitude: Tensor) -> Tensor:
    """`shifted` in steps of 1/64: what the challenge's baseline sends to its chip."""
    return torch.round(shifted(magnitude) * 64.0) / 64.0


def log_levels(magnitude: Tensor) -> Tensor:
    """The features of zoo/audio/log_levels.py."""
    scale = LogLevels()
    share = scale.share(20.0 * torch.log10(magnitude + TINY))
    return torch.round(share.clamp(0.0, 1.0) * scale.top) / 2**scale.bits


class Enhanced(NamedTuple):
    """What a loss compares with clean speech."""

    audio: Tensor  # (B, samples)
    magnitude: Tensor  # (B, L, bins)


class MaskEnhancer(nn.Module):
    """A network from (B, L, bins) features to (B, L, bins), between analysis and synthesis."""

    def __init__(
        self, network: nn.Module, stft: StftConfig | None = None, features: Features = shifted
    ) -> None:
        super().__init__()
        self.network = network
        self.stft = Stft(stft)
        self.features = features

    def forward(self, noisy: Tensor) -> Enhanced:
        """(B, samples) at 16 kHz -> enhanced speech of the same length."""
        spectrum = self.stft.analysis(noisy)
        magnitude = spectrum.abs()
        mask = torch.relu(1.0 + self.network(self.features(magnitude))).to(magnitude.dtype)
        audio = self.stft.synthesis(mask * spectrum, noisy.shape[-1])
        return Enhanced(audio, mask * magnitude)
