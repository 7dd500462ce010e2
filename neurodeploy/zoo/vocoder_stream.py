"""Vocoding of a stream: mel frames as samples come, frames through the network as they can be
finished, samples as no later frame reaches them.

What comes out is what the whole recording gives at once. A convolution over k frames answers k // 2
frames late, and the stream beside it waits; a sample leaves when the last frame that covers it has
been added. From a sample to its synthesis pass, in samples of hop h and window w,

    latency = w + h look_ahead
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.audio.mel import MelConfig, log_mel_frames
from neurodeploy.zoo.models.spiking_vocos import SpikingVocosBackbone
from neurodeploy.zoo.models.vocos import (
    ConvNeXtBlock,
    FrameConv,
    Vocoder,
    VocosBackbone,
    VocosConfig,
)


class MelStream:
    """Samples in pieces -> the frames of `log_mel`, (B, bands, L)."""

    def __init__(self, config: MelConfig) -> None:
        self.config = config
        self._half = config.window // 2
        self._waiting = torch.zeros(0)
        self._begun = False

    def push(self, samples: Tensor) -> Tensor:
        """(n,) -> the frames that they complete, (1, bands, L)."""
        self._waiting = torch.cat([self._waiting, samples])
        if not self._begun:
            if self._waiting.numel() <= self._half:
                return torch.zeros(1, self.config.bands, 0)
            mirrored = self._waiting[1 : self._half + 1].flip(0)
            self._waiting, self._begun = torch.cat([mirrored, self._waiting]), True
        return self._frames()

    def finish(self) -> Tensor:
        """The frames that need the end mirrored; none of a recording of half a window or less."""
        if not self._begun:
            return torch.zeros(1, self.config.bands, 0)
        mirrored = self._waiting[-self._half - 1 : -1].flip(0)
        self._waiting = torch.cat([self._waiting, mirrored])
        return self._frames()

    def _frames(self) -> Tensor:
        c = self.config
        count = max(0, (self._waiting.numel() - c.window) // c.hop + 1)
        if not count:
            return torch.zeros(1, c.bands, 0)
        used = self._waiting[: (count - 1) * c.hop + c.window]
        # a mirrored end needs half a window of what came before it
        self._waiting = self._waiting[count * c.hop :]
        return log_mel_frames(used[None], c)


class ConvStream:
    """A convolution over frames, half a kernel late."""

    def __init__(self, conv: FrameConv) -> None:
        self._conv = conv
        self._reach = conv.kernel_size[0] // 2
        self._heard: Tensor | None = None

    def push(self, x: Tensor) -> Tensor:
        """(..., L, C) -> as many frames as can be finished."""
        if self._heard is None:
            self._heard = x.new_zeros(*x.shape[:-2], self._reach, x.shape[-1])
        seen = torch.cat([self._heard, x], dim=-2)
        self._heard = seen[..., max(0, seen.shape[-2] - 2 * self._reach) :, :]
        if seen.shape[-2] <= 2 * self._reach:
            return x.new_zeros(*x.shape[:-2], 0, self._conv.out_channels)
        return self._conv.valid(seen)

    def ending(self, x: Tensor) -> Tensor:
        """The last frames, (..., L, C), and all that waited."""
        return self.push(functional.pad(x, (0, 0, 0, self._reach)))


class BlockStream:
    """A ConvNeXt block, artificial or spiking."""

    def __init__(self, block: ConvNeXtBlock) -> None:
        self._block, self._conv = block, ConvStream(block.conv)
        self._waiting: Tensor | None = None

    def push(self, x: Tensor, *, last: bool) -> Tensor:
        """(..., L, C) -> the frames that can be finished; all that are left, at the last."""
        seen = self._block.seen(x)
        convolved = self._conv.ending(seen) if last else self._conv.push(seen)
        held = x if self._waiting is None else torch.cat([self._waiting, x], dim=-2)
        count = convolved.shape[-2]
        self._waiting = held[..., count:, :]
        return held[..., :count, :] + self._block.update(convolved)


class SpectrumStream:
    """Spectra to samples: the inverse transform of the head, window by window."""

    def __init__(self, config: MelConfig) -> None:
        self.config = config
        self._window = torch.hann_window(config.window)
        self._sum, self._weight = torch.zeros(config.window), torch.zeros(config.window)
        self._skip = config.window // 2

    def push(self, spectra: Tensor) -> Tensor:
        """(L, bins) complex -> the samples that no later frame reaches."""
        c, done = self.config, [torch.zeros(0)]
        if not len(spectra):  # which MKL refuses
            return done[0]
        for frame in torch.fft.irfft(spectra, n=c.window) * self._window:
            self._sum += frame
            self._weight += self._window**2
            done.append(self._sum[: c.hop] / self._weight[: c.hop].clamp(min=1e-11))
            self._sum = functional.pad(self._sum[c.hop :], (0, c.hop))
            self._weight = functional.pad(self._weight[c.hop :], (0, c.hop))
        return self._from_the_first(torch.cat(done))

    def finish(self) -> Tensor:
        """The samples up to the centre of the last frame."""
        rest = self.config.window // 2 - self.config.hop
        return self._from_the_first(self._sum[:rest] / self._weight[:rest].clamp(min=1e-11))

    def _from_the_first(self, samples: Tensor) -> Tensor:
        skipped = min(self._skip, samples.numel())
        self._skip -= skipped
        return samples[skipped:]


class SpeechStream(Protocol):
    """Samples or mel frames to samples; a new one starts from silence."""

    @property
    def config(self) -> VocosConfig: ...

    @property
    def latency_s(self) -> float:
        """Algorithmic latency from samples to samples: nothing of the computer's own time."""

    def hear(self, samples: Audio) -> Audio:
        """The next samples of a recording -> samples that are ready."""

    def heard_all(self) -> Audio:
        """The rest of a recording that was given by `hear`."""

    def speak(self, mel: Tensor, *, last: bool = False) -> Audio:
        """The next frames (1, bands, L) -> samples that are ready; all that are left, at the last.

        In all hop (L - 1) samples of L frames.
        """


class VocoderStream:
    """One stream through a vocoder with trained weights; new ones start from silence.

    Raises ConfigError for a network whose convolutions are not those of Vocos.
    """

    def __init__(self, vocoder: Vocoder) -> None:
        backbone = vocoder.backbone
        if not isinstance(backbone, (VocosBackbone, SpikingVocosBackbone)):
            detail = f"{type(backbone).__name__} streams as a Program, not in torch"
            raise ConfigError(Diagnostic("vocoder", "stream", detail))
        self.config = vocoder.config
        self._backbone, self._head = backbone, vocoder.head
        self._mel = MelStream(self.config.mel)
        self._embed = ConvStream(backbone.embed)
        self._blocks = [BlockStream(b) for b in backbone.blocks]  # type: ignore[arg-type]  # a ModuleList forgets
        self._spectrum = SpectrumStream(self.config.mel)

    @property
    def latency_s(self) -> float:
        """See `SpeechStream`."""
        c = self.config.mel
        return (c.window + self.config.look_ahead * c.hop) / c.sample_rate

    def hear(self, samples: Audio) -> Audio:
        """See `SpeechStream`."""
        return self.speak(self._mel.push(torch.from_numpy(samples)))

    def heard_all(self) -> Audio:
        """See `SpeechStream`."""
        return self.speak(self._mel.finish(), last=True)

    @torch.no_grad()
    def speak(self, mel: Tensor, *, last: bool = False) -> Audio:
        """See `SpeechStream`."""
        frames = mel.transpose(1, 2)
        x = self._embed.ending(frames) if last else self._embed.push(frames)
        x = self._backbone.begin(x)
        for block in self._blocks:
            x = block.push(x, last=last)
        magnitude, phase = self._head.spectrum(self._backbone.end(x))
        samples = self._spectrum.push(torch.polar(magnitude, phase)[0])
        if last:
            samples = torch.cat([samples, self._spectrum.finish()])
        return np.asarray(samples.numpy())


def vocode_stream(stream: SpeechStream, chunks: Iterable[Audio]) -> Iterator[Audio]:
    """Chunks of any sizes -> what comes of them, in all hop (samples // hop) samples."""
    for chunk in chunks:
        yield stream.hear(chunk)
    yield stream.heard_all()


def vocode_mel(
    stream: SpeechStream, mel: npt.NDArray[np.floating[Any]], frames: int = 64
) -> Iterator[Audio]:
    """Log-mel (L, bands) -> samples, so many frames at a time."""
    x = torch.from_numpy(np.ascontiguousarray(mel.T, dtype=np.float32))[None]
    for start in range(0, x.shape[-1], frames):
        yield stream.speak(x[..., start : start + frames])
    yield stream.speak(x[..., :0], last=True)
