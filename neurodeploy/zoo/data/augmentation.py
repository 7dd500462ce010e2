"""Random changes of training audio: another spectrum, another speed.

Functions of a random generator, so that a training step can be repeated exactly.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, resample

SPEED = 0.1  # speech is up to this much faster or slower, pitch with it
FILTER = 3.0 / 8.0  # bound of the random filter's coefficients


def random_filter(x: Audio, rng: np.random.Generator) -> Audio:
    """`x` through (1 + r1 / z + r2 / z^2) / (1 + r3 / z + r4 / z^2), r uniform in +- 3/8.

    It stands in for other microphones and voices. Source: Valin 2018, "A hybrid DSP / deep learning
    approach to real-time full-band speech enhancement" (RNNoise, arXiv:1709.08243).
    """
    r1, r2, r3, r4 = rng.uniform(-FILTER, FILTER, size=4)
    return np.asarray(lfilter([1.0, r1, r2], [1.0, r3, r4], x), dtype=np.float32)


def random_speed(x: Audio, rng: np.random.Generator) -> Audio:
    """`x` played faster or slower by up to SPEED, its length kept: cut, or its start repeated."""
    rate = round(SAMPLE_RATE * rng.uniform(1.0 - SPEED, 1.0 + SPEED))
    return np.resize(resample(x, rate), x.size)


def random_voice(x: Audio, rng: np.random.Generator) -> Audio:
    """Speed and spectrum of clean speech, each changed half of the time."""
    if rng.random() < 0.5:
        x = random_speed(x, rng)
    return random_filter(x, rng) if rng.random() < 0.5 else x


def random_noise(x: Audio, rng: np.random.Generator) -> Audio:
    """Noise with another spectrum, half of the time backwards."""
    x = random_filter(x, rng)
    return x[::-1].copy() if rng.random() < 0.5 else x
