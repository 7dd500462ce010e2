"""What vocoders are trained against: does a recording sound real, by its periods, by its spectrum?

    MPD  samples folded into columns of 2, 3, 5, 7, 11; convolutions along the columns: kernel 5,
         stride 3 (the last 1), channels 32, 128, 512, 1024, 1024 (Kong et al. 2020, HiFi-GAN,
         arXiv:2010.05646)
    MRD  complex spectra of windows 2048, 1024, 512 with hop = window / 4, in five bands split at 0,
         .1, .25, .5, .75, 1 of the bins; 32 channels (Kumar et al. 2023, DAC, arXiv:2306.06546)

both as Siuzdak 2023 (Vocos, arXiv:2306.00814) joins them: weight norm, LeakyReLU 0.1, no features
of the first layer. A judgement is the score map and the feature maps, which end with the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

LEAK = 0.1
BANDS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
PEAK = 0.8  # of what the MRD hears
SILENCE = 1e-9

Judgement = list[Tensor]  # feature maps of the second layer on, the scores last


@dataclass(frozen=True)
class DiscriminatorConfig:
    """The default is the published one."""

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    period_channels: tuple[int, ...] = (32, 128, 512, 1024, 1024)
    windows: tuple[int, ...] = (2048, 1024, 512)
    window_channels: int = 32


# An eighth of the published channels, for trainings on two cores.
SMALL_JUDGES = DiscriminatorConfig(period_channels=(4, 16, 64, 128, 128), window_channels=4)


def _conv(
    into: int, out: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)
) -> nn.Module:
    padding = (kernel[0] // 2, kernel[1] // 2)
    conv: nn.Module = weight_norm(nn.Conv2d(into, out, kernel, stride, padding))
    return conv


def _through(layers: nn.ModuleList, x: Tensor) -> Judgement:
    maps = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), LEAK)
        maps.append(x)
    return maps[1:]


class PeriodDiscriminator(nn.Module):
    """One period of the MPD."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        strides = [3] * (len(channels) - 1) + [1]
        pairs = zip((1, *channels), channels, strides, strict=False)
        self.layers = nn.ModuleList(_conv(a, b, (5, 1), (s, 1)) for a, b, s in pairs)
        self.score = _conv(channels[-1], 1, (3, 1))

    def forward(self, audio: Tensor) -> Judgement:
        """(B, samples); the end is mirrored until the period divides it."""
        x = functional.pad(audio[:, None], (0, -audio.shape[-1] % self.period), mode="reflect")
        maps = _through(self.layers, x.reshape(len(x), 1, -1, self.period))
        return [*maps, self.score(maps[-1])]


class WindowDiscriminator(nn.Module):
    """One window of the MRD."""

    def __init__(self, window: int, channels: int) -> None:
        super().__init__()
        self.window = window
        bins = window // 2 + 1
        edges = [int(share * bins) for share in BANDS]
        self.sizes = [b - a for a, b in pairwise(edges)]
        self.bands = nn.ModuleList(self._stack(channels) for _ in self.sizes)
        self.score = _conv(channels, 1, (3, 3))

    @staticmethod
    def _stack(channels: int) -> nn.ModuleList:
        narrow = [_conv(channels, channels, (3, 9), (1, 2)) for _ in range(3)]
        return nn.ModuleList(
            [_conv(2, channels, (3, 9)), *narrow, _conv(channels, channels, (3, 3))]
        )

    def spectrum(self, audio: Tensor) -> Tensor:
        """(B, samples) -> real and imaginary parts (B, 2, frames, bins)."""
        x = audio - audio.mean(-1, keepdim=True)
        x = PEAK * x / (x.abs().amax(-1, keepdim=True) + SILENCE)
        window = torch.hann_window(self.window, dtype=x.dtype, device=x.device)
        out = torch.stft(x, self.window, self.window // 4, window=window, return_complex=True)
        return torch.view_as_real(out).permute(0, 3, 2, 1)

    def forward(self, audio: Tensor) -> Judgement:
        """(B, samples)."""
        parts = self.spectrum(audio).split(self.sizes, dim=-1)  # type: ignore[no-untyped-call]  # torch's
        maps: Judgement = []
        ends = []
        for layers, part in zip(self.bands, parts, strict=True):
            assert isinstance(layers, nn.ModuleList)
            maps += _through(layers, part)
            ends.append(maps[-1])
        return [*maps, self.score(torch.cat(ends, dim=-1))]


class Discriminators(nn.Module):
    """MPD and MRD."""

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        super().__init__()
        c = config or DiscriminatorConfig()
        self.periods = nn.ModuleList(PeriodDiscriminator(p, c.period_channels) for p in c.periods)
        self.windows = nn.ModuleList(WindowDiscriminator(w, c.window_channels) for w in c.windows)

    def forward(self, audio: Tensor) -> tuple[list[Judgement], list[Judgement]]:
        """(B, samples) -> the judgements of MPD and of MRD."""
        return [d(audio) for d in self.periods], [d(audio) for d in self.windows]
