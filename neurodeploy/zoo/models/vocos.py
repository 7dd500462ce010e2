"""Vocos: speech from mel spectra, frame by frame, without upsampling (Siuzdak 2023).

    log-mel (B, bands, L) -> Conv1d, kernel 7 -> LayerNorm
    -> 8 x [x + gamma Linear(GELU(Linear(LayerNorm(depthwise conv, kernel 7))))]
    -> LayerNorm -> Linear to 2 (window / 2 + 1) = m, p
    S = min(exp(m), 100) (cos p + j sin p) -> inverse STFT (B, hop (L - 1))

arXiv:2306.00814, at its sizes 13,531,650 parameters; the same as `vocos` 0.1.0 of the author, which
a comparison with it found equal to 1e-6. zoo/models/spiking_vocos.py is its spiking counterpart,
zoo/train/vocoding.py the recipe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.zoo.audio.mel import MelConfig, log_mel

LARGEST = 100.0  # of a magnitude: keeps a wild logarithm from overflowing
INITIAL_STD = 0.02
EPSILON = 1e-6  # of layer norms


@dataclass(frozen=True)
class VocosConfig:
    """The network's shape; the default is the published one."""

    mel: MelConfig = field(default_factory=MelConfig)
    width: int = 512  # channels of the stream
    hidden: int = 1536  # channels inside a block
    blocks: int = 8
    kernel: int = 7  # frames that each convolution sees

    @property
    def look_ahead(self) -> int:
        """Frames after its own that a frame waits for: half a kernel a convolution."""
        return (self.blocks + 1) * (self.kernel // 2)


class Spoken(NamedTuple):
    """What losses look at."""

    audio: Tensor  # (B, hop (L - 1))
    magnitude: Tensor  # (B, L, bins) of the spectrum that the inverse transform takes
    phase: Tensor  # (B, L, bins), radians, not wrapped
    taps: tuple[Tensor, ...]  # one a block, for distillation


class FrameConv(nn.Conv1d):
    """Convolution over frames, channels last, zeros before the first frame and after the last."""

    def __init__(self, width_in: int, width: int, kernel: int, *, depthwise: bool = False) -> None:
        groups = width if depthwise else 1
        super().__init__(width_in, width, kernel, padding=kernel // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """(..., L, C) -> (..., L, C')."""
        return self.valid(functional.pad(x, (0, 0, *self.padding * 2)))

    def valid(self, x: Tensor) -> Tensor:
        """(..., L + kernel - 1, C) -> (..., L, C'): where no frame is missing."""
        rows = x.reshape(-1, 1, *x.shape[-2:]).permute(0, 3, 1, 2)  # as images of one line: faster
        weight = self.weight[:, :, None].contiguous(memory_format=torch.channels_last)
        out = functional.conv2d(rows, weight, self.bias, groups=self.groups)
        return out.permute(0, 2, 3, 1).reshape(*x.shape[:-2], -1, self.out_channels)


class ConvNeXtBlock(nn.Module):
    """x + gamma Linear(GELU(Linear(LayerNorm(conv x))))."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        c = config
        self.conv = FrameConv(c.width, c.width, c.kernel, depthwise=True)
        self.norm = nn.LayerNorm(c.width, eps=EPSILON)
        self.expand = nn.Linear(c.width, c.hidden)
        self.project = nn.Linear(c.hidden, c.width)
        self.gamma = nn.Parameter(torch.full((c.width,), 1.0 / c.blocks))

    def seen(self, x: Tensor) -> Tensor:
        """What the convolution takes."""
        return x

    def update(self, convolved: Tensor) -> Tensor:
        """What is added to x, frame by frame."""
        hidden = functional.gelu(self.expand(self.norm(convolved)))
        out: Tensor = self.gamma * self.project(hidden)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, width) -> (B, L, width)."""
        return x + self.update(self.conv(self.seen(x)))


class VocosBackbone(nn.Module):
    """Log-mel (B, bands, L) -> (B, L, width), and the blocks' outputs."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self.embed = FrameConv(config.mel.bands, config.width, config.kernel)
        self.first_norm = nn.LayerNorm(config.width, eps=EPSILON)
        self.blocks = nn.ModuleList(ConvNeXtBlock(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width, eps=EPSILON)

    def begin(self, embedded: Tensor) -> Tensor:
        """The stream before the first block."""
        out: Tensor = self.first_norm(embedded)
        return out

    def end(self, stream: Tensor) -> Tensor:
        """What the head takes."""
        out: Tensor = self.norm(stream)
        return out

    def forward(self, mel: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        x = self.begin(self.embed(mel.transpose(1, 2)))
        taps = []
        for block in self.blocks:
            x = block(x)
            taps.append(x)
        return self.end(x), tuple(taps)


class IstftHead(nn.Module):
    """Log-magnitude and phase by one linear map."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self.mel = config.mel
        self.out = nn.Linear(config.width, config.mel.window + 2)

    def spectrum(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, width) -> magnitude and phase (B, L, bins)."""
        log_magnitude, phase = self.out(x).chunk(2, dim=-1)
        return torch.exp(log_magnitude).clamp(max=LARGEST), phase

    def synthesis(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        """Inverse STFT, frames centred, Hann -> (B, hop (L - 1))."""
        c = self.mel
        spectrum = torch.polar(magnitude, phase).transpose(1, 2)
        window = torch.hann_window(c.window, dtype=magnitude.dtype, device=magnitude.device)
        return torch.istft(spectrum, c.window, c.hop, window=window, center=True)


class Vocoder(nn.Module):
    """A backbone between the mel front end and the head."""

    def __init__(self, config: VocosConfig, backbone: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.head = IstftHead(config)
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=INITIAL_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def features(self, audio: Tensor) -> Tensor:
        """(B, samples) -> log-mel (B, bands, samples // hop + 1)."""
        return log_mel(audio, self.config.mel)

    def forward(self, mel: Tensor) -> Spoken:
        """Log-mel (B, bands, L) -> speech."""
        hidden, taps = self.backbone(mel)
        magnitude, phase = self.head.spectrum(hidden)
        return Spoken(self.head.synthesis(magnitude, phase), magnitude, phase, taps)


def vocos(config: VocosConfig | None = None) -> Vocoder:
    """The artificial network, untrained."""
    config = config or VocosConfig()
    return Vocoder(config, VocosBackbone(config))
