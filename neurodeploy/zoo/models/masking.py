"""Enhancement by a magnitude mask: what surrounds a network between two transforms.

    X = stft(noisy);  o = network(|X| - 0.2);  enhanced = istft(relu(1 + o) X)

The phase stays the noisy one. The shift by 0.2 is the N-DNS challenge's (arXiv:2303.09503).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from neurodeploy.zoo.audio.stft import StftConfig
from neurodeploy.zoo.audio.torch_stft import Stft

SHIFT = 0.2


class Enhanced(NamedTuple):
    """What a loss compares with clean speech."""

    audio: Tensor  # (B, samples)
    magnitude: Tensor  # (B, L, bins)


class MaskEnhancer(nn.Module):
    """A network from (B, L, bins) features to (B, L, bins), between analysis and synthesis."""

    def __init__(self, network: nn.Module, stft: StftConfig | None = None) -> None:
        super().__init__()
        self.network = network
        self.stft = Stft(stft)

    def forward(self, noisy: Tensor) -> Enhanced:
        """(B, samples) at 16 kHz -> enhanced speech of the same length."""
        spectrum = self.stft.analysis(noisy)
        magnitude = spectrum.abs()
        mask = torch.relu(1.0 + self.network(magnitude - SHIFT)).to(magnitude.dtype)
        audio = self.stft.synthesis(mask * spectrum, noisy.shape[-1])
        return Enhanced(audio, mask * magnitude)
