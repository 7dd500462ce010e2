"""Spiking Vocos as a Loihi-class chip can run it, frame after frame, with its head on the host.

    f -> Conv over 7 frames -> x, each frame held for T steps                          chip
    N x [s1 = LIF(norm(depthwise conv over 7 frames of x));  s2 = LIF(norm(W1 s1))
         x <- x + gamma (W2 s2 + b)]
    y = leaky sum of x over steps, read at the last step of each frame
    y -> LayerNorm -> Linear -> log-magnitude and phase of a spectrum                  host

What differs from zoo/models/spiking_vocos.py, and why:
    norm    batch normalisation, which folds into weights and biases, for LayerNorm; the last norm
            stays a LayerNorm, on the host
    GELU    none: what follows is a threshold
    gain    gamma alone, learned per channel, for the product of a block's input and output
    LIF     snnTorch's Leaky with reset to zero, which remembers from step to step and over frames;
            the published neurons start anew with each frame
    time    frames are time: a convolution is 7 synapses of delays 0, T, ... 6 T, causal. `ahead`
            frames of the future are heard by speaking that many frames late
    f       log-mels in 8 bits, half a decibel a level
x stays graded, as published: it is what the depthwise convolutions read.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

import snntorch
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.audio.log_levels import LogLevels
from neurodeploy.zoo.models.chip_layers import Norm, lif, over_frames
from neurodeploy.zoo.models.vocos import EPSILON, Vocoder, VocosConfig

MEL_LEVELS: Final = LogLevels(floor_db=-80.0, ceiling_db=47.5)
DECIBELS_PER_NEPER: Final = 20.0 / log(10.0)


@dataclass(frozen=True)
class SpikingVocosLoihiConfig(VocosConfig):
    """The network's shape and neuron constants; the defaults are the published sizes."""

    steps: int = 4  # T
    ahead: int = 3  # frames heard after the one that is spoken
    beta: float = 0.5  # membrane decay per step: tau = 2, not learned
    beta_out: float = 0.5  # of the sum over steps
    slope: float = 2.5  # steepness of the fast-sigmoid surrogate gradient (training only)

    @property
    def look_ahead(self) -> int:
        return self.ahead

    @property
    def dt(self) -> float:
        """Seconds a step."""
        return self.mel.hop / self.mel.sample_rate / self.steps


def features_of(mel: Tensor) -> Tensor:
    """Log-mels (natural) to multiples of 1/256 in [0, 1); no gradient passes."""
    share = MEL_LEVELS.share(mel.detach() * DECIBELS_PER_NEPER)
    return torch.round(share.clamp(0.0, 1.0) * MEL_LEVELS.top) / 2**MEL_LEVELS.bits


def held(features: Tensor, steps: int) -> Tensor:
    """(B, bands, L) -> what the chip gets, (L steps, B, bands, 1): each frame held."""
    return features.permute(2, 0, 1).repeat_interleave(steps, dim=0)[..., None]


class Block(nn.Module):
    """What one Spiking ConvNeXt block adds to x."""

    def __init__(self, config: SpikingVocosLoihiConfig) -> None:
        super().__init__()
        c = config
        self.steps = c.steps
        self.conv = nn.Conv1d(c.width, c.width, c.kernel, groups=c.width, bias=False)
        self.norm1, self.lif1 = Norm(c.width), lif(c.beta, c.slope)
        self.expand = nn.Linear(c.width, c.hidden, bias=False)
        self.norm2, self.lif2 = Norm(c.hidden), lif(c.beta, c.slope)
        self.project = nn.Linear(c.hidden, c.width)
        self.gamma = nn.Parameter(torch.full((c.width,), 1.0 / c.blocks))

    def forward(self, x: Tensor) -> Tensor:
        """(B, L T, width) -> the same."""
        s1 = over_frames(self.lif1, self.norm1(self.over_kernel(x)), 0)
        s2 = over_frames(self.lif2, self.norm2(self.expand(s1)), 0)
        return x + self.gamma * self.project(s2)

    def over_kernel(self, x: Tensor) -> Tensor:
        """Each step of a frame with the same steps of the frames before."""
        batch, _, width = x.shape
        frames = x.view(batch, -1, self.steps, width).permute(0, 2, 3, 1).flatten(0, 1)
        past = functional.pad(frames, (self.conv.kernel_size[0] - 1, 0))
        mixed = self.conv(past).view(batch, self.steps, width, -1)
        out: Tensor = mixed.permute(0, 3, 1, 2).reshape(x.shape)
        return out


class ChipBackbone(nn.Module):
    """The chip's part: features (B, bands, L) -> y (B, L, width)."""

    def __init__(self, config: SpikingVocosLoihiConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed = nn.Conv1d(c.mel.bands, c.width, c.kernel)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.blocks))
        self.readout = snntorch.Leaky(beta=c.beta_out, reset_mechanism="none")

    def forward(self, features: Tensor) -> Tensor:
        c = self.config
        embedded = self.embed(functional.pad(features, (c.kernel - 1, 0))).transpose(1, 2)
        x = embedded.repeat_interleave(c.steps, dim=1)
        for block in self.blocks:
            x = block(x)
        return over_frames(self.readout, x, 1)[:, c.steps - 1 :: c.steps]


class LoihiBackbone(nn.Module):
    """Log-mel (B, bands, L) -> (B, L, width), `ahead` frames looked at; nothing to distil from."""

    def __init__(self, config: SpikingVocosLoihiConfig) -> None:
        super().__init__()
        self.ahead = config.ahead
        self.chip = ChipBackbone(config)
        self.norm = nn.LayerNorm(config.width, eps=EPSILON)

    def forward(self, mel: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        features = functional.pad(features_of(mel), (0, self.ahead))  # after the end: silence
        return self.norm(self.chip(features)[:, self.ahead :]), ()


def loihi_backbone(vocoder: Vocoder) -> LoihiBackbone:
    """The backbone of a vocoder that a chip can run; ConfigError for another."""
    backbone = vocoder.backbone
    if not isinstance(backbone, LoihiBackbone):
        detail = f"{type(backbone).__name__} is no chip's; spiking_vocos_loihi's is"
        raise ConfigError(Diagnostic("vocoder", "backbone", detail))
    return backbone


def spiking_vocos_loihi(config: SpikingVocosLoihiConfig | None = None) -> Vocoder:
    """The deployable network, untrained."""
    config = config or SpikingVocosLoihiConfig()
    return Vocoder(config, LoihiBackbone(config))
