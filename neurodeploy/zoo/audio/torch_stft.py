"""The transform of zoo/audio/stft.py for whole recordings: tensors, with gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from neurodeploy.zoo.audio.stft import StftConfig


class Stft:
    """The transform on any device and in any precision."""

    def __init__(self, config: StftConfig | None = None) -> None:
        self.config = config or StftConfig()

    def _taper(self, like: Tensor) -> Tensor:
        return torch.as_tensor(self.config.taper(), dtype=like.dtype, device=like.device)

    def frames(self, samples: int) -> int:
        """Frames that see a recording of that length."""
        return -(-samples // self.config.hop) + self.config.overlap - 1

    def analysis(self, x: Tensor) -> Tensor:
        """(B, samples) real -> (B, L, bins) complex, L = frames(samples)."""
        c = self.config
        before = c.window - c.hop
        after = self.frames(x.shape[-1]) * c.hop - x.shape[-1]
        padded = torch.nn.functional.pad(x, (before, after))
        return torch.fft.rfft(padded.unfold(-1, c.window, c.hop) * self._taper(x))

    def synthesis(self, spectrum: Tensor, samples: int) -> Tensor:
        """(B, L, bins) complex -> (B, samples): the inverse of `analysis` by overlap-add."""
        c = self.config
        frames = torch.fft.irfft(spectrum, n=c.window)
        frames = frames * (self._taper(frames) / c.gain)
        pieces = frames.unflatten(-1, (c.overlap, c.hop))  # (B, L, overlap, hop)
        last, hops = c.overlap - 1, spectrum.shape[-2] - c.overlap + 1
        parts = [pieces[..., last - j : last - j + hops, j, :] for j in range(c.overlap)]
        return torch.stack(parts).sum(0).flatten(-2)[..., :samples]
