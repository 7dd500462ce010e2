"""Quality of vocoded speech, one recording at a time, beside PESQ and STOI of `speech_metrics`.

All take 16 kHz mono, (samples,), of the same length.

    mel_l1       mean |difference| of log-mel spectra as Vocos has them at 16 kHz; lower is better
    mr_stft      spectral convergence |S - E| / |S| + mean |ln S - ln E|, mean of three resolutions
                 (Yamamoto et al. 2020, Parallel WaveGAN, arXiv:1910.11480; auraloss' default)
    pitch        by CREPE (Kim et al. 2018; PyPI torchcrepe, 50 to 550 Hz, every 10 ms) as Vocos and
                 CARGAN measure it, but by its `tiny` network, a twentieth of the time of `full`:
                 unvoiced below periodicity 0.21, silence below -60 dB
                 f0_cents   RMSE where both are voiced;  periodicity   RMSE; lower is better
                 voicing_f1 of voiced and unvoiced; 1 is best
    distillmos   estimate of a listener's opinion without a reference, 1 to 5 (Distill-MOS,
                 arXiv:2502.05356); stands in for UTMOS, whose weights no package carries

torchcrepe and distillmos are optional and asked for on use; both import torchaudio for what is not
used here, so that an empty module stands in where there is none.
"""

from __future__ import annotations

import importlib
import math
import sys
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neurodeploy.bench.speech_metrics import Samples, required
from neurodeploy.zoo.audio.io import SAMPLE_RATE
from neurodeploy.zoo.audio.mel import log_mel
from neurodeploy.zoo.models.vocoders import MEL_16K

Track = npt.NDArray[np.float32]

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # FFT, hop, window
POWER_FLOOR = 1e-8
PITCH_HZ = (50.0, 550.0)
PITCH_HOP = SAMPLE_RATE // 100
VOICED = 0.21  # periodicity
SILENCE_DB = -60.0
HINT = "pip install --no-deps torchcrepe resampy tqdm distillmos xls-r-sqa einops"


def _tensor(x: Samples) -> Tensor:
    return torch.from_numpy(np.asarray(x, dtype=np.float32))[None]


def mel_l1(estimate: Samples, clean: Samples) -> float:
    """Of natural logarithms."""
    ours, theirs = (log_mel(_tensor(x), MEL_16K) for x in (estimate, clean))
    return float((ours - theirs).abs().mean())


def mr_stft(estimate: Samples, clean: Samples) -> float:
    """Spectral convergence and log-magnitude distance."""
    distances = []
    for fft, hop, size in RESOLUTIONS:
        window = torch.hann_window(size)
        spectra = (
            torch.stft(_tensor(x), fft, hop, size, window, return_complex=True)
            for x in (estimate, clean)
        )
        e, s = ((x.real**2 + x.imag**2).clamp(min=POWER_FLOOR).sqrt() for x in spectra)
        distances.append((s - e).norm() / s.norm() + (s.log() - e.log()).abs().mean())
    return float(torch.stack(distances).mean())


def _without_torchaudio(name: str) -> Any:
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError):  # a build for another accelerator fails to load
        sys.modules["torchaudio"] = ModuleType("torchaudio")
    return required(name, HINT)


def pitch(audio: Samples) -> tuple[Track, Track]:
    """Hz, nan where unvoiced, and periodicity, every 10 ms."""
    return _pitch(np.asarray(audio, dtype=np.float32).tobytes())


@lru_cache(maxsize=64)  # one clean recording is compared with many
@torch.no_grad()
def _pitch(audio: bytes) -> tuple[Track, Track]:
    crepe = _without_torchaudio("torchcrepe")
    x = torch.from_numpy(np.frombuffer(audio, dtype=np.float32).copy())[None]
    hertz, periodicity = crepe.predict(
        x,
        SAMPLE_RATE,
        PITCH_HOP,
        *PITCH_HZ,
        model="tiny",
        return_periodicity=True,
        batch_size=512,
        pad=False,
    )
    silence = crepe.threshold.Silence(SILENCE_DB)
    periodicity = silence(periodicity, x, SAMPLE_RATE, PITCH_HOP, pad=False)
    hertz = crepe.threshold.At(VOICED)(hertz, periodicity)
    return hertz[0].numpy(), periodicity[0].numpy()


def pitch_distances(estimate: Samples, clean: Samples) -> dict[str, float]:
    """`track_distances` of the tracks of both."""
    return track_distances(pitch(estimate), pitch(clean))


def track_distances(estimate: tuple[Track, Track], clean: tuple[Track, Track]) -> dict[str, float]:
    """Of Hz and periodicity: f0_cents (nan where nothing is voiced in both), periodicity and
    voicing_f1."""
    (ours, our_periodicity), (theirs, their_periodicity) = estimate, clean
    voiced, truly = np.isfinite(ours), np.isfinite(theirs)
    both = voiced & truly
    cents = 1200.0 * np.log2(ours[both] / theirs[both])
    wrong = int((voiced != truly).sum())
    hits = int(both.sum())
    return {
        "f0_cents": float(np.sqrt(np.mean(cents**2))) if hits else math.nan,
        "periodicity": float(np.sqrt(np.mean((our_periodicity - their_periodicity) ** 2))),
        "voicing_f1": 2.0 * hits / (2.0 * hits + wrong) if hits + wrong else 1.0,
    }


@cache
def _opinion() -> Any:
    return _without_torchaudio("distillmos").ConvTransformerSQAModel().eval()


@torch.no_grad()
def distillmos(audio: Samples) -> float:
    """1 to 5."""
    return float(_opinion()(_tensor(audio)))
