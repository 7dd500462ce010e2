"""Enhancement of a stream, hop by hop: transform, a denoiser's mask, inverse transform.

    X = stft(hop);  o = denoiser(|X|);  enhanced = istft(relu(1 + o) X)

A denoiser may answer `delay` frames late; spectra wait for it. A sample leaves overlap - 1 + delay
hops after its own: the algorithmic latency is window + delay hop samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio
from neurodeploy.zoo.audio.stft import StftConfig, StreamingStft

Frames = npt.NDArray[np.floating[Any]]


class Denoiser(Protocol):
    """Magnitudes to o, frame after frame, its state kept between calls."""

    stft: StftConfig

    @property
    def delay(self) -> int:
        """Frames by which o is late."""

    def advance(self, magnitude: Frames) -> Frames:
        """The next frames (L, bins) -> o (L, bins)."""


class Enhancer:
    """One stream; new ones start from silence."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser
        c = denoiser.stft
        self._stft = StreamingStft(c)
        self._waiting = deque([np.zeros(c.bins, dtype=complex)] * denoiser.delay)

    @property
    def late(self) -> int:
        """Hops between a hop and its enhanced self."""
        return self.denoiser.stft.overlap - 1 + self.denoiser.delay

    @property
    def latency_s(self) -> float:
        """Algorithmic latency: nothing of the computer's own time."""
        c = self.denoiser.stft
        return (c.window + self.denoiser.delay * c.hop) / SAMPLE_RATE

    def push(self, hops: Frames) -> Frames:
        """The next hops (L, hop) of samples -> as many enhanced ones, `late` hops ago's."""
        spectra = np.stack([self._stft.analyse(hop) for hop in hops])
        masks = np.maximum(1.0 + self.denoiser.advance(np.abs(spectra)), 0.0)
        done = []
        for spectrum, mask in zip(spectra, masks, strict=True):
            self._waiting.append(spectrum)
            done.append(self._stft.synthesise(mask * self._waiting.popleft()))
        return np.stack(done)


def enhance_recording(enhancer: Enhancer, audio: Audio) -> Audio:
    """(samples,) -> enhanced, of the same length and in step with it, by one `push`."""
    hop = enhancer.denoiser.stft.hop
    skip = enhancer.late * hop
    padded = np.pad(audio, (0, skip + -audio.size % hop))
    out = enhancer.push(padded.reshape(-1, hop)).ravel()
    return out[skip : skip + audio.size].astype(np.float32)


def enhance_stream(enhancer: Enhancer, chunks: Iterable[Audio]) -> Iterator[Audio]:
    """Chunks of any sizes -> enhanced chunks, in all of the same length and in step with them."""
    hop = enhancer.denoiser.stft.hop
    rest = np.zeros(0, dtype=np.float32)
    given, skip, sent = 0, enhancer.late * hop, 0
    for chunk in chunks:
        given += chunk.size
        rest = np.concatenate([rest, chunk])
        whole = rest.size // hop * hop
        if not whole:
            continue
        done = enhancer.push(rest[:whole].reshape(-1, hop)).ravel()
        rest, out, skip = rest[whole:], done[skip:], max(0, skip - done.size)
        sent += out.size
        yield out.astype(np.float32)
    missing = given - sent
    if missing:
        hops = -(-(skip + missing) // hop)
        padded = np.concatenate([rest, np.zeros(hops * hop - rest.size, dtype=np.float32)])
        done = enhancer.push(padded.reshape(-1, hop)).ravel()
        yield done[skip : skip + missing].astype(np.float32)
