"""Baselines of speech enhancement from others' packages: audio (samples,) at 16 kHz -> the same.

rnnoise               Valin 2018 (arXiv:1709.08243) with the weights of PyPI's pyrnnoise
spectral_subtraction  pyroomacoustics' with the settings of its documentation's example
iterative_wiener      pyroomacoustics' Wiener filter from an all-pole model of the speech
"""

from __future__ import annotations

import ctypes
import importlib
from typing import Any

import numpy as np

from neurodeploy.errors import BackendUnavailable, Diagnostic
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, resample

RNNOISE_RATE = 48_000
RNNOISE_FRAME = 480
RNNOISE_DELAY = 2 * RNNOISE_FRAME  # samples at 48 kHz: 20 ms, found by cross-correlation
FULL_SCALE = 32_768.0  # RNNoise takes floats on the scale of 16-bit integers

DENOISE_HOP = 256  # samples at 16 kHz, and the delay of pyroomacoustics' methods
DITHER = 1e-6


def _package(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BackendUnavailable(
            Diagnostic(package, "package-missing", str(error), f"pip install {package}")
        ) from error


def rnnoise(audio: Audio) -> Audio:
    """RNNoise at 48 kHz, its delay taken off. Raises BackendUnavailable without pyrnnoise."""
    library = _package("pyrnnoise.rnnoise", "pyrnnoise").lib
    x = resample(audio, SAMPLE_RATE, RNNOISE_RATE)
    size = -(-(x.size + RNNOISE_DELAY) // RNNOISE_FRAME) * RNNOISE_FRAME
    frames = np.zeros(size, dtype=np.float32)
    frames[: x.size] = x * FULL_SCALE
    state = library.rnnoise_create(None)
    try:
        for frame in frames.reshape(-1, RNNOISE_FRAME):  # in place
            pointer = frame.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            library.rnnoise_process_frame(state, pointer, pointer)
    finally:
        library.rnnoise_destroy(state)
    out = frames[RNNOISE_DELAY : RNNOISE_DELAY + x.size] / np.float32(FULL_SCALE)
    return _fitted(resample(out, RNNOISE_RATE, SAMPLE_RATE), audio.size)


def _without_delay(out: Any, size: int) -> Audio:
    return _fitted(np.asarray(out, dtype=np.float32)[DENOISE_HOP:], size)


def _fitted(audio: Audio, size: int) -> Audio:
    """Cut, or with zeros behind it."""
    return np.pad(audio, (0, max(0, size - audio.size)))[:size]


def _dithered(audio: Audio) -> Audio:
    """Digital silence makes both methods divide zero by zero."""
    noise = np.random.default_rng(0).normal(scale=DITHER, size=audio.size)
    return audio + noise.astype(np.float32)


def spectral_subtraction(audio: Audio) -> Audio:
    """Raises BackendUnavailable without pyroomacoustics."""
    denoise = _package("pyroomacoustics.denoise", "pyroomacoustics")
    out = denoise.apply_spectral_sub(
        _dithered(audio), nfft=2 * DENOISE_HOP, db_reduc=10, lookback=5, beta=20, alpha=3
    )
    return _without_delay(out, audio.size)


def iterative_wiener(audio: Audio) -> Audio:
    """Raises BackendUnavailable without pyroomacoustics."""
    denoise = _package("pyroomacoustics.denoise", "pyroomacoustics")
    out = denoise.apply_iterative_wiener(_dithered(audio), frame_len=2 * DENOISE_HOP)
    return _without_delay(out, audio.size)
