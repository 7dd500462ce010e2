"""Perceptual distance of two recordings: the disturbances of PESQ, with a gradient.

    distance = 0.1 D + 0.0309 A;  PESQ before its mapping = 4.5 - distance

D and A are P.862's symmetric and asymmetric disturbance of the recordings' loudness in 49 Bark
bands, with the wideband input filter of P.862.2. Left out is the alignment in time, which needs
none where an enhancer's delay is known; levels are aligned once per recording. Against the
standard's own program the distance of noisy speech is off by some tenths of a MOS.
Source: ITU-T P.862 (02/2001), 10.2, and P.862.2 (11/2007); as a loss, Martin-Donas, Gomez,
Gonzalez and Peinado 2018, "A deep learning loss function based on the perceptual evaluation of the
speech quality" (doi 10.1109/LSP.2018.2871419).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# Per band of 16 kHz speech: bins of a transform of 512, width in Bark, power correction, hearing
# threshold in dB. Tables of the standard's program, rounded.
BANDS = (
    (1, 0.1573, 100.00, 77.1),
    (1, 0.3180, 100.00, 63.9),
    (1, 0.3224, 100.00, 48.5),
    (1, 0.3269, 100.00, 36.9),
    (1, 0.3315, 100.00, 30.7),
    (1, 0.3361, 100.00, 25.9),
    (1, 0.3407, 100.00, 20.2),
    (1, 0.3454, 100.00, 16.6),
    (2, 0.3501, 50.00, 12.5),
    (1, 0.3549, 100.00, 9.9),
    (1, 0.3597, 100.00, 6.9),
    (1, 0.3646, 100.00, 4.9),
    (1, 0.3695, 100.00, 2.8),
    (1, 0.3745, 100.00, 1.0),
    (2, 0.3796, 53.05, -0.1),
    (1, 0.3847, 110.00, -1.4),
    (1, 0.3898, 117.99, -2.5),
    (2, 0.3950, 65.00, -3.4),
    (2, 0.4002, 68.76, -4.1),
    (2, 0.4055, 70.00, -4.8),
    (2, 0.4109, 71.43, -5.3),
    (2, 0.4163, 75.00, -5.7),
    (2, 0.4218, 76.84, -5.9),
    (2, 0.4273, 80.97, -6.0),
    (2, 0.4329, 88.65, -6.0),
    (3, 0.4385, 63.86, -6.0),
    (3, 0.4442, 68.16, -6.0),
    (3, 0.4500, 72.55, -5.8),
    (3, 0.4558, 75.58, -5.4),
    (4, 0.4616, 58.38, -5.1),
    (3, 0.4676, 80.95, -4.7),
    (4, 0.4736, 64.14, -4.3),
    (5, 0.4796, 54.38, -4.0),
    (4, 0.4857, 73.82, -3.6),
    (5, 0.4919, 64.44, -3.3),
    (6, 0.4982, 59.18, -3.1),
    (6, 0.5045, 65.52, -3.0),
    (7, 0.5108, 61.40, -3.0),
    (8, 0.5172, 58.14, -2.9),
    (9, 0.5237, 57.00, -2.8),
    (9, 0.5303, 64.13, -2.8),
    (12, 0.5369, 54.31, -2.8),
    (12, 0.5436, 61.11, -2.9),
    (15, 0.5504, 55.08, -3.2),
    (16, 0.5572, 56.85, -3.7),
    (18, 0.5641, 55.63, -4.3),
    (21, 0.5711, 53.14, -4.4),
    (25, 0.5781, 54.99, -3.8),
    (20, 0.5852, 79.55, -2.7),
)
FRAME, HOP = 512, 256
POWER_SCALE = 6.910853e-6
LOUDNESS_SCALE = 0.1866055
ZWICKER = 0.23
LEVEL = 1e7  # power of either recording between 325 and 3250 Hz
INPUT_FILTER = ((2.740826, -5.4816519, 2.740826), (1.0, -1.9444777, 0.94597794))
SILENCE = 1e-8  # that power of a recording which is not raised: -80 dB of full scale
LOUDEST = 45.0  # disturbance of a frame
REMEMBERED = 8  # frames, of the gain that follows as 0.8 now + 0.2 before
CHUNK, CHUNK_HOP = 20, 10  # frames whose disturbances are joined by an L6 norm
FLOOR = 1e-3  # of disturbances: bounds the gradient of the root


class PerceptualDistance(nn.Module):
    """Found and wanted speech (B, samples) at 16 kHz, 512 at least -> distances (B,)."""

    bands: Tensor
    width: Tensor
    threshold: Tensor
    exponent: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        counts, width, correction, decibels = zip(*BANDS, strict=True)
        widths = torch.tensor(width)
        centre = widths.cumsum(0) - widths / 2
        which = torch.arange(len(BANDS)).repeat_interleave(torch.tensor(counts))
        bands = torch.eye(len(BANDS))[which] * (torch.tensor(correction) * POWER_SCALE)
        bands[0] = 0.0  # the mean of a frame is not heard
        self.register_buffer("bands", bands, persistent=False)
        self.register_buffer("width", widths, persistent=False)
        self.register_buffer("threshold", 10 ** (torch.tensor(decibels) / 10), persistent=False)
        exponent = ZWICKER * (6 / (centre + 2)).clamp(1.0, 2.0) ** 0.15
        self.register_buffer("exponent", exponent, persistent=False)
        self.register_buffer("window", torch.hann_window(FRAME), persistent=False)

    def forward(self, found: Tensor, wanted: Tensor) -> Tensor:
        heard, meant = self._bark_powers(found), self._bark_powers(wanted)
        meant = meant * self._band_gain(heard, meant)
        heard = heard * self._frame_gain(heard, meant)
        loud, target = self._loudness(heard), self._loudness(meant)
        difference = loud - target
        inaudible = 0.25 * torch.minimum(loud, target)
        difference = difference.sign() * (difference.abs() - inaudible).clamp(min=0.0)
        asymmetry = ((heard + 50.0) / (meant + 50.0)) ** 1.2
        asymmetry = torch.where(asymmetry < 3.0, 0.0, asymmetry).clamp(max=12.0)
        quiet = ((self._audible(meant, 1.0) + 1e5) / 1e7) ** 0.04
        symmetric = self._over_bands(difference, 2) / quiet
        asymmetric = self._over_bands(difference * asymmetry, 1) / quiet
        return 0.1 * _over_time(symmetric) + 0.0309 * _over_time(asymmetric)

    def _bark_powers(self, audio: Tensor) -> Tensor:
        """(B, frames, bands), after the alignment of levels and the input filter."""
        samples = audio.shape[-1]
        spectrum = torch.fft.rfft(audio, n=2 * samples)
        angle = torch.linspace(0.0, torch.pi, spectrum.shape[-1], device=audio.device)
        speech = (angle > 325 / 8000 * torch.pi) & (angle < 3250 / 8000 * torch.pi)
        power = (spectrum.abs().square() * speech).sum(-1, keepdim=True) / samples
        gain = (LEVEL * samples / power.clamp(min=SILENCE * samples)).sqrt()
        turn = torch.exp(-1j * angle)
        above, below = (sum(c * turn**k for k, c in enumerate(f)) for f in INPUT_FILTER)
        filtered = torch.fft.irfft(spectrum * (above / below))[..., :samples] * gain
        frames = filtered.unfold(-1, FRAME, HOP) * self.window
        return torch.fft.rfft(frames)[..., :-1].abs().square() @ self.bands

    def _audible(self, power: Tensor, above: float) -> Tensor:
        return (power * (power > self.threshold * above)).sum(-1, keepdim=True)

    def _band_gain(self, heard: Tensor, meant: Tensor) -> Tensor:
        """What a filter between the recordings would do is only partly heard: (B, 1, bands)."""
        speech = self._audible(meant, 100.0) >= 1e7
        a, b = (
            (p * (p > self.threshold * 100.0) * speech).mean(1, keepdim=True) + 1000.0
            for p in (heard, meant)
        )
        return (a / b).clamp(0.01, 100.0)

    def _frame_gain(self, heard: Tensor, meant: Tensor) -> Tensor:
        """Likewise slow changes of the level: (B, frames, 1)."""
        now = (self._audible(meant, 1.0) + 5e3) / (self._audible(heard, 1.0) + 5e3)
        before = now[:, :1].expand(-1, REMEMBERED, -1)
        past = torch.cat([before, now], 1).unfold(1, REMEMBERED + 1, 1).flip(-1)
        weights = 0.8 * 0.2 ** torch.arange(REMEMBERED + 1, dtype=now.dtype, device=now.device)
        return (past @ weights).clamp(3e-4, 5.0)

    def _loudness(self, power: Tensor) -> Tensor:
        """In Sone per Bark (Zwicker)."""
        grown = (0.5 + 0.5 * power / self.threshold) ** self.exponent - 1.0
        loudness = LOUDNESS_SCALE * (2.0 * self.threshold) ** self.exponent * grown
        return torch.where(power > self.threshold, loudness, 0.0)

    def _over_bands(self, disturbance: Tensor, norm: int) -> Tensor:
        """The norm over bands but the first, weighted by their widths: (B, frames, 1)."""
        width = self.width[1:]
        weighted = (disturbance[..., 1:].abs() * width).clamp(min=FLOOR / len(BANDS)) ** norm
        total = width.sum()
        return (weighted.sum(-1, keepdim=True) / total) ** (1 / norm) * total


def _over_time(disturbance: Tensor) -> Tensor:
    """L6 over stretches of 0.3 s, then L2 over these: (B, frames, 1) -> (B,)."""
    frames = disturbance.squeeze(-1).clamp(max=LOUDEST)
    behind = CHUNK - CHUNK_HOP + -frames.shape[-1] % CHUNK_HOP  # the last ones are not full
    chunks = functional.pad(frames, (0, behind)).unfold(-1, CHUNK, CHUNK_HOP)
    stretches = (chunks**6).mean(-1) ** (1 / 6)
    return stretches.square().mean(-1).sqrt()
