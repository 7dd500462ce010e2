"""Random changes of training audio: other spectra, other speeds, several noises at once.

Functions of a random generator, so that a training step can be repeated exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, resample

SPEED = 0.1  # speech is up to this much faster or slower, pitch with it
NOISE_SPEED = 0.3
COLOURS = 12
COLOUR_STEP_DB = 5.0
HUM_HZ = (30.0, 800.0)
RUMBLE_HZ = 40.0
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


def _random_gains(bins: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Of a spectrum: in dB a random walk over COLOURS equal bands."""
    walk = np.cumsum(rng.normal(scale=COLOUR_STEP_DB, size=COLOURS))
    place = np.linspace(0.0, COLOURS - 1.0, bins)
    gains: npt.NDArray[np.float64] = 10.0 ** (np.interp(place, np.arange(COLOURS), walk) / 20.0)
    return gains


def coloured(x: Audio, rng: np.random.Generator) -> Audio:
    """`x` with another balance of low and high: by `_random_gains`."""
    spectrum = np.fft.rfft(x)
    shaped = spectrum * _random_gains(spectrum.size, rng)
    return np.asarray(np.fft.irfft(shaped, n=x.size), dtype=np.float32)


def random_colour(samples: int, rng: np.random.Generator) -> Audio:
    """Gaussian noise, `coloured`."""
    return coloured(rng.normal(size=samples).astype(np.float32), rng)


def random_hum(samples: int, rng: np.random.Generator) -> Audio:
    """A machine: up to 16 harmonics of HUM_HZ, their levels random, that swell together."""
    low, high = HUM_HZ
    pitch = low * (high / low) ** rng.random()
    harmonics = np.arange(1, min(int(rng.integers(2, 18)), int(SAMPLE_RATE / 2 / pitch)))
    levels = 10.0 ** (rng.normal(scale=10.0, size=harmonics.size) / 20.0)
    time = np.arange(samples) / SAMPLE_RATE
    phases = rng.uniform(0.0, 2.0 * np.pi, size=(harmonics.size, 1))
    tones = levels @ np.sin(2.0 * np.pi * pitch * harmonics[:, None] * time + phases)
    swell = rng.uniform(0.0, 1.0) * np.sin(2.0 * np.pi * rng.uniform(0.1, 8.0) * time)
    return np.asarray(tones * (1.0 + swell), dtype=np.float32)


def random_rumble(samples: int, rng: np.random.Generator) -> Audio:
    """An offset and what lies below RUMBLE_HZ: wind, steps, and recorders that let through both."""
    spectrum = np.fft.rfft(rng.normal(size=samples))
    edge = rng.uniform(1.0, RUMBLE_HZ)
    spectrum[np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE) > edge] = 0.0
    spectrum[0] = samples * rng.normal(scale=np.sqrt(edge / SAMPLE_RATE))
    return np.asarray(np.fft.irfft(spectrum, n=samples), dtype=np.float32)


def _at_level(x: Audio, other: Audio, db: float) -> Audio:
    """`other` scaled to the level of `x` plus `db`."""
    rms, wanted = (float(np.sqrt(np.mean(y.astype(np.float64) ** 2))) for y in (other, x))
    return other * np.float32(10.0 ** (db / 20.0) * wanted / rms) if rms > 0.0 else other


def random_noise(x: Audio, other: Audio, rng: np.random.Generator) -> Audio:
    """Noise with another spectrum; half of the time at another speed, backwards, or under the noise
    `other`, and now and then under one that no one recorded: all that noises of a few hundred
    recordings have not in common."""
    x = random_filter(x, rng)
    x = random_speed(x, rng, NOISE_SPEED) if rng.random() < 0.5 else x
    x = x[::-1].copy() if rng.random() < 0.5 else x
    x = coloured(x, rng) if rng.random() < 0.5 else x
    if rng.random() < 0.5:
        x = x + _at_level(x, random_filter(other, rng), rng.uniform(-15.0, 0.0))
    for made, share, low, high in MADE:
        if rng.random() < share:
            x = x + _at_level(x, made(x.size, rng), rng.uniform(low, high))
    return x


MADE = (
    (random_colour, 0.3, -25.0, 10.0),
    (random_hum, 0.2, -15.0, 5.0),
    (random_rumble, 0.2, -10.0, 10.0),
)
"""Noises that no one recorded: how often, and at what levels relative to the recorded one, dB."""
