"""Spiking Vocos: Vocos whose pointwise layers see spikes (Chen et al. 2025, arXiv:2509.13049).

The stream is real and has T steps, (T, B, L, C); it starts as the embedded mel spectra, T times.

    c  = LayerNorm(depthwise conv(x + alpha shift(x)))           real
    h  = Linear(PLIF(GELU(Linear(PLIF(c)))))                     accumulations only
    x <- x + gamma (h * shortcut(c))                             a product for each channel
    after the last block: sum over t of 0.9^(T-1-t) x_t -> LayerNorm -> head

Neurons remember over the T steps and start anew in every frame. Where the paper and the published
code part, both are here: `shortcut` is the *signed* c in the code and its absolute value in the
paper; "none" leaves it out. shift (the Temporal Shift Module) exchanges a quarter of the channels
with the step after and a quarter with the step before; zeros come in at the ends, and at T = 1
nothing moves. At the published sizes 13,530,650 parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.models.plif import PlifSteps
from neurodeploy.zoo.models.vocos import (
    EPSILON,
    ConvNeXtBlock,
    FrameConv,
    Vocoder,
    VocosConfig,
)

DECAY = 0.9  # of the sum over steps that is read out
FOLDS = 32  # the channels' division; 8 folds move either way
MOVED = 8
INITIAL_ALPHA = 0.5
SHORTCUTS = ("signed", "absolute", "none")


@dataclass(frozen=True)
class SpikingVocosConfig(VocosConfig):
    """The network's shape; the default is the published one."""

    steps: int = 4  # T
    shift: bool = True  # the Temporal Shift Module
    shortcut: str = "signed"  # one of SHORTCUTS

    def __post_init__(self) -> None:
        problems = []
        if self.shortcut not in SHORTCUTS:
            detail = f"{self.shortcut!r} is not one of {', '.join(SHORTCUTS)}"
            problems.append(Diagnostic("spiking_vocos", "shortcut-unknown", detail))
        if self.shift and self.width % FOLDS:
            detail = f"width {self.width} is no multiple of {FOLDS}"
            problems.append(Diagnostic("spiking_vocos", "folds", detail))
        if self.steps < 1:
            problems.append(Diagnostic("spiking_vocos", "steps", f"{self.steps} steps"))
        if problems:
            raise ConfigError(problems)


def shifted(x: Tensor) -> Tensor:
    """(T, ..., C): the first C/4 channels from step t + 1, the next C/4 from step t - 1."""
    if len(x) == 1:
        return x
    moved = x.shape[-1] // FOLDS * MOVED
    later, earlier, rest = x[..., :moved], x[..., moved : 2 * moved], x[..., 2 * moved :]
    nothing = torch.zeros_like(x[:1, ..., :moved])
    return torch.cat(
        [torch.cat([later[1:], nothing]), torch.cat([nothing, earlier[:-1]]), rest], dim=-1
    )


def decayed_sum(x: Tensor) -> Tensor:
    """(T, ...) -> sum over t of 0.9^(T-1-t) x_t."""
    powers = torch.arange(len(x) - 1, -1, -1, dtype=x.dtype, device=x.device)
    return torch.tensordot(DECAY**powers, x, dims=1)


class SpikingConvNeXtBlock(ConvNeXtBlock):
    """One block; names of weights are those of the artificial block."""

    def __init__(self, config: SpikingVocosConfig) -> None:
        super().__init__(config)
        self.shortcut = config.shortcut
        self.fire1, self.fire2 = PlifSteps(), PlifSteps()
        self.alpha = nn.Parameter(torch.tensor(INITIAL_ALPHA)) if config.shift else None

    def seen(self, x: Tensor) -> Tensor:
        """What the convolution takes: the stream, its steps mixed."""
        return x if self.alpha is None else x + self.alpha * shifted(x)

    def update(self, convolved: Tensor) -> Tensor:
        """What is added to the stream, frame by frame."""
        c = self.norm(convolved)
        hidden = functional.gelu(self.expand(self.fire1(c)))
        h = self.project(self.fire2(hidden))
        if self.shortcut != "none":
            h = h * (c if self.shortcut == "signed" else c.abs())
        out: Tensor = self.gamma * h
        return out


class SpikingVocosBackbone(nn.Module):
    """Log-mel (B, bands, L) -> (B, L, width), and what distillation compares, (T, B, L, width).

    Taps are the streams after each block; with the Temporal Shift Module what the convolution of
    the next one takes, and the last block has none.
    """

    def __init__(self, config: SpikingVocosConfig) -> None:
        super().__init__()
        self.steps, self.shift = config.steps, config.shift
        self.embed = FrameConv(config.mel.bands, config.width, config.kernel)
        self.blocks = nn.ModuleList(SpikingConvNeXtBlock(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width, eps=EPSILON)

    def begin(self, embedded: Tensor) -> Tensor:
        """The stream before the first block: the same in all steps."""
        return embedded.expand(self.steps, *embedded.shape)

    def end(self, stream: Tensor) -> Tensor:
        """What the head takes."""
        out: Tensor = self.norm(decayed_sum(stream))
        return out

    def forward(self, mel: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        x = self.begin(self.embed(mel.transpose(1, 2)))
        seen, after = [], []
        for block in self.blocks:
            assert isinstance(block, SpikingConvNeXtBlock)
            seen.append(block.seen(x))
            x = x + block.update(block.conv(seen[-1]))
            after.append(x)
        return self.end(x), tuple(seen[1:] if self.shift else after)


def spiking_vocos(config: SpikingVocosConfig | None = None) -> Vocoder:
    """The spiking network, untrained."""
    config = config or SpikingVocosConfig()
    return Vocoder(config, SpikingVocosBackbone(config))
