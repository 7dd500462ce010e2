from __future__ import annotations

import numpy as np
import pytest

from neurodeploy.zoo.data import augmentation
from neurodeploy.zoo.data.augmentation import (
    RUMBLE_HZ,
    coloured,
    random_colour,
    random_hum,
    random_noise,
    random_rumble,
    random_voice,
)

SAMPLES = 16_000
TRACK, OTHER = np.random.default_rng(0).normal(size=(2, SAMPLES)).astype(np.float32)


def power(x: np.ndarray) -> np.ndarray:
    """A hertz a bin."""
    return np.abs(np.fft.rfft(x.astype(np.float64))) ** 2


@pytest.mark.parametrize("seed", range(8))
def test_a_change_keeps_length_and_type_and_is_a_function_of_its_generator(seed: int) -> None:
    for change in (
        lambda rng: random_voice(TRACK, rng),
        lambda rng: random_noise(TRACK, OTHER, rng),
    ):
        first, again = (change(np.random.default_rng(seed)) for _ in range(2))
        assert first.shape == TRACK.shape and first.dtype == np.float32
        assert np.isfinite(first).all() and np.array_equal(first, again)
    assert not np.array_equal(first, random_noise(TRACK, OTHER, np.random.default_rng(seed + 100)))


@pytest.mark.parametrize("seed", range(8))
def test_made_noises_have_their_spectra(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hum, rumble = power(random_hum(SAMPLES, rng)), power(random_rumble(SAMPLES, rng))
    assert np.sort(hum)[-200:].sum() > 0.9 * hum.sum()
    assert rumble[: int(RUMBLE_HZ) + 1].sum() > (1 - 1e-9) * rumble.sum()
    bands = [part.mean() for part in np.array_split(power(random_colour(SAMPLES, rng)), 12)]
    assert max(bands) > 1.5 * min(bands), "white noise stays under 1.2"


def test_coloured_noise_is_the_noise_through_a_real_gain() -> None:
    x = coloured(TRACK, np.random.default_rng(3))
    ratio = np.fft.rfft(x) / np.fft.rfft(TRACK)
    assert np.abs(ratio.imag).max() < 1e-3 * np.abs(ratio).max() and ratio.real.min() > 0


def test_every_made_noise_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    always = tuple((made, 1.0, 20.0, 20.0) for made, *_ in augmentation.MADE)
    for place in range(len(always)):
        monkeypatch.setattr(augmentation, "MADE", always[place : place + 1])
        loud = random_noise(TRACK, OTHER, np.random.default_rng(1))
        monkeypatch.setattr(augmentation, "MADE", ())
        bare = random_noise(TRACK, OTHER, np.random.default_rng(1))
        level = np.linalg.norm(loud - bare) / np.linalg.norm(bare)
        assert level == pytest.approx(10.0, rel=1e-3)
