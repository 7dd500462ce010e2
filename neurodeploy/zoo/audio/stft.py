"""Short-time Fourier transform that is causal and exactly invertible, hop by hop in numpy.

Frame n sees the `window` samples that end with sample hop (n + 1) - 1; zeros stand in before the
recording and after it. With analysis and synthesis windows wa, ws and the constant

    g = sum over j of wa[i + j hop] ws[i + j hop],  the same for every i

overlap-adding irfft(X_n) ws / g gives the signal back: each sample lies in window / hop frames and
is complete, and final, window - hop samples after its own hop. Waiting for a hop to fill costs up
to `hop` more, so the algorithmic latency is `window` samples: 32 ms at the default.
The frames are those of a centred transform, counted from another first frame and with zeros in
place of a reflection at the edges. Whole recordings as tensors: zoo/audio/torch_stft.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.audio.io import SAMPLE_RATE

Samples = npt.NDArray[np.floating]
Spectrum = npt.NDArray[np.complexfloating]


@dataclass(frozen=True)
class StftConfig:
    """The transform; 512 / 128 with a rectangle is the N-DNS challenge's (arXiv:2303.09503)."""

    window: int = 512  # samples a frame sees: 32 ms at 16 kHz
    hop: int = 128  # samples from frame to frame: 8 ms
    shape: str = "rectangle"  # or "sqrt_hann": its square sums to a constant, no leakage

    def __post_init__(self) -> None:
        problems = []
        if self.window % (2 * self.hop):
            detail = f"window {self.window} is no even multiple of hop {self.hop}"
            problems.append(Diagnostic("stft", "overlap", detail))
        if self.shape not in ("rectangle", "sqrt_hann"):
            detail = f"{self.shape!r} is not rectangle or sqrt_hann"
            problems.append(Diagnostic("stft", "window-unknown", detail))
        if problems:
            raise ConfigError(problems)

    @property
    def bins(self) -> int:
        return self.window // 2 + 1

    @property
    def overlap(self) -> int:
        """Frames that see one sample."""
        return self.window // self.hop

    @property
    def dt(self) -> float:
        """Seconds from frame to frame."""
        return self.hop / SAMPLE_RATE

    @property
    def latency_s(self) -> float:
        """Algorithmic latency: from a sample's arrival to its output, at most."""
        return self.window / SAMPLE_RATE

    def taper(self) -> npt.NDArray[np.float64]:
        """Analysis and synthesis window, (window,)."""
        if self.shape == "rectangle":
            return np.ones(self.window)
        return np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window))

    @property
    def gain(self) -> float:
        """g of the module's equation."""
        return float((self.taper() ** 2).sum() / self.hop)


class StreamingStft:
    """The transform of a stream: what runs where no torch is."""

    def __init__(self, config: StftConfig | None = None) -> None:
        self.config = c = config or StftConfig()
        self._taper = c.taper()
        self._heard = np.zeros(c.window)
        self._sum = np.zeros(c.window)

    def analyse(self, hop: Samples) -> Spectrum:
        """The next hop (hop,) of samples -> the spectrum (bins,) of the frame that ends with it."""
        self._heard = np.concatenate([self._heard[self.config.hop :], hop])
        return np.asarray(np.fft.rfft(self._heard * self._taper))

    def synthesise(self, spectrum: Spectrum) -> Samples:
        """The next frame (bins,) -> the hop (hop,) that it completes: overlap - 1 hops earlier."""
        c = self.config
        self._sum += np.fft.irfft(spectrum, n=c.window) * (self._taper / c.gain)
        done, rest = self._sum[: c.hop], self._sum[c.hop :]
        self._sum = np.concatenate([rest, np.zeros(c.hop)])
        return done
