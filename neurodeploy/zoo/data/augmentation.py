"""Random changes of training audio: other spectra, other speeds, several noises at once.

Functions of a random generator, so that a training step can be repeated exactly.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, resample

SPEED = 0.1  # speech is up to this much faster or slower, pitch with it
NOISE_SPEED = 0.3
COLOURS = 12
COLOUR_STEP_DB = 5.0
FILTER = 3.0 / 8.0  # bound of the random filter's coefficients


def random_filter(x: Audio, rng: np.random.Generator) -> Audio:
    """`x` through (1 + r1 / z + r2 / z^2) / (1 + r3 / z + r4 / z^2), r uniform in +- 3/8.

    It stands in for other microphones and voices. Source: Valin 2018, "A hybrid DSP / deep learning
    approach to real-time full-band speech enhancement" (RNNoise, arXiv:1709.08243).
    """
    r1, r2, r3, r4 = rng.uniform(-FILTER, FILTER, size=4)
    return np.asarray(lfilter([1.0, r1, r2], [1.0, r3, r4], x), dtype=np.float32)


def random_speed(x: Audio, rng: np.random.Generator, most: float = SPEED) -> Audio:
    """`x` played faster or slower by up to `most`, its length kept: cut, or its start repeated."""
    rate = round(SAMPLE_RATE * rng.uniform(1.0 - most, 1.0 + most))
    return np.resize(resample(x, rate), x.size)


def random_voice(x: Audio, rng: np.random.Generator) -> Audio:
    """Speed and spectrum of clean speech, each changed half of the time."""
    if rng.random() < 0.5:
        x = random_speed(x, rng)
    return random_filter(x, rng) if rng.random() < 0.5 else x


def random_colour(samples: int, rng: np.random.Generator) -> Audio:
    """Gaussian noise whose spectrum in dB is a random walk over COLOURS equal bands."""
    walk = np.cumsum(rng.normal(scale=COLOUR_STEP_DB, size=COLOURS))
    spectrum = np.fft.rfft(rng.normal(size=samples))
    place = np.linspace(0.0, COLOURS - 1.0, spectrum.size)
    shaped = spectrum * 10.0 ** (np.interp(place, np.arange(COLOURS), walk) / 20.0)
    return np.asarray(np.fft.irfft(shaped, n=samples), dtype=np.float32)


def _at_level(x: Audio, other: Audio, db: float) -> Audio:
    """`other` scaled to the level of `x` plus `db`."""
    rms, wanted = (float(np.sqrt(np.mean(y.astype(np.float64) ** 2))) for y in (other, x))
    return other * np.float32(10.0 ** (db / 20.0) * wanted / rms) if rms > 0.0 else other


def random_noise(x: Audio, other: Audio, rng: np.random.Generator) -> Audio:
    """Noise with another spectrum; half of the time at another speed, backwards, or under the noise
    `other`, and in three of ten cases under one that no one recorded."""
    x = random_filter(x, rng)
    x = random_speed(x, rng, NOISE_SPEED) if rng.random() < 0.5 else x
    x = x[::-1].copy() if rng.random() < 0.5 else x
    if rng.random() < 0.5:
        x = x + _at_level(x, random_filter(other, rng), rng.uniform(-15.0, 0.0))
    if rng.random() < 0.3:
        x = x + _at_level(x, random_colour(x.size, rng), rng.uniform(-25.0, 0.0))
    return x
