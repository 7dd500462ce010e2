from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.errors import DataError
from neurodeploy.zoo.audio.io import read_audio, write_audio, write_flac
from neurodeploy.zoo.audio.logmel import LogMel, LogMelConfig
from neurodeploy.zoo.data.clips import load_clips


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.1, samples).astype(np.float32)


def mel(hz: float) -> float:
    return 2595.0 * math.log10(1.0 + hz / 700.0)


def direct_band_db(frame: np.ndarray, band: int, c: LogMelConfig) -> float:
    """One band of one frame by the definition: a DFT sum, a triangle in mel, mean power in dB."""
    n = np.arange(c.frame)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * n / c.frame)
    step = (mel(c.high_hz) - mel(c.low_hz)) / (c.n_mels + 1)
    centre = mel(c.low_hz) + (band + 1) * step
    energy = 0.0
    for k in range(c.n_fft // 2 + 1):
        weight = 1.0 - abs(mel(k * 16_000 / c.n_fft) - centre) / step
        if weight > 0.0:
            bin_value = np.sum(frame * window * np.exp(-2j * np.pi * k * n / c.n_fft))
            energy += weight * abs(bin_value) ** 2
    return 10.0 * math.log10(energy / (c.n_fft * np.sum(window**2) / 2.0) + 1e-10)


def test_features_equal_a_direct_computation_of_the_definition() -> None:
    c = LogMelConfig()
    audio = noise(1600)
    features = LogMel(c).offline(audio)
    assert features.shape == (10, 40)
    assert features.dtype == np.float32
    padded = np.concatenate([np.zeros(240), audio.astype(np.float64)])
    for t, band in [(0, 0), (1, 39), (5, 7), (9, 20)]:
        db = direct_band_db(padded[160 * t : 160 * t + 400], band, c)
        share = min(max((db - c.floor_db) / (c.ceiling_db - c.floor_db), 0.0), 1.0)
        assert features[t, band] == round(share * 63) / 64


def test_a_loud_tone_lands_in_its_band_at_its_power() -> None:
    t = np.arange(16_000) / 16_000
    level = 10 ** (-40 / 20) * math.sqrt(2.0)
    tone = (level * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    features = LogMel().offline(tone)[50]
    centres = np.linspace(mel(60.0), mel(7600.0), 42)[1:-1]
    assert abs(int(features.argmax()) - int(np.abs(centres - mel(1000.0)).argmin())) <= 1
    decibels = -85.0 + features.max() * 64 / 63 * 63.0
    assert -42.0 <= decibels <= -39.0  # a triangle passes up to 100 % of the tone's -40 dB


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(0, 700), min_size=1, max_size=12))
def test_streamed_features_are_the_offline_features(sizes: list[int]) -> None:
    audio = noise(sum(sizes), seed=len(sizes))
    logmel = LogMel()
    cuts = np.cumsum(sizes)[:-1]
    streamed = np.concatenate([logmel.stream(chunk) for chunk in np.split(audio, cuts)])
    assert np.array_equal(streamed, LogMel().offline(audio))


def test_features_never_depend_on_later_samples_and_fit_six_unsigned_bits() -> None:
    audio = load_clips()[0].audio
    changed = audio.copy()
    changed[16_000:] = 0.5
    before, after = LogMel().offline(audio), LogMel().offline(changed)
    assert np.array_equal(before[:100], after[:100])
    assert not np.array_equal(before, after)
    levels = np.concatenate([before, after]) * 64
    assert np.array_equal(levels, np.rint(levels))
    assert levels.min() >= 0
    assert levels.max() <= 63


def test_stereo_at_another_rate_becomes_16_khz_mono(tmp_path: Path) -> None:
    t = np.arange(44_100) / 44_100
    left = 0.4 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(tmp_path / "x.wav", np.stack([left, np.zeros_like(left)], axis=1), 44_100)
    x = read_audio(tmp_path / "x.wav")
    assert x.shape == (16_000,)
    assert x.dtype == np.float32
    expected = 0.2 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(x - expected)[200:-200].max() < 1e-3


def test_flac_round_trip_is_exact_for_16_bit_samples(tmp_path: Path) -> None:
    x = np.rint(noise(4000) * 32_768).astype(np.float32) / 32_768
    write_flac(tmp_path / "a" / "x.flac", x)
    assert np.array_equal(read_audio(tmp_path / "a" / "x.flac"), x)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["x.flac"]


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda x: np.where(np.arange(x.size) == 7, np.nan, x), "audio-not-finite"),
        (lambda x: np.clip(x * 100, -1, 1), "audio-clipped"),
        (lambda x: x[:399], "audio-too-short"),
    ],
)
def test_unusable_recordings_are_refused_with_the_reason(spoil, rule, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, spoil(noise(16_000)), 16_000, subtype="FLOAT")
    with pytest.raises(DataError) as error:
        read_audio(path)
    assert [d.rule for d in error.value.diagnostics] == [rule]
    assert str(path) in str(error.value)


def test_a_file_that_is_no_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    path.write_bytes(b"not a recording")
    with pytest.raises(DataError, match="audio-unreadable"):
        read_audio(path)


@pytest.mark.parametrize("left", [0.3, 0.9, 0.999])
def test_an_ogg_that_was_cut_off_is_refused(left: float, tmp_path: Path) -> None:
    path = tmp_path / "x.ogg"
    write_audio(path, noise(40_000))
    assert read_audio(path).size == 40_000
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole))])
    with pytest.raises(DataError, match=r"audio-(truncated|unreadable)"):
        read_audio(path)


def test_a_recording_that_was_cut_off_is_refused_and_one_of_unknown_length_is_not(
    tmp_path: Path,
) -> None:
    tone = 0.1 * np.sin(np.arange(8000) / 5).astype(np.float32)
    path = tmp_path / "cut.wav"
    write_audio(path, tone)
    whole = path.read_bytes()
    path.write_bytes(whole[:-6000])
    with pytest.raises(DataError, match="16000 bytes of samples, 10000 are there"):
        read_audio(path)
    at = whole.index(b"data") + 4  # as ffmpeg leaves it behind a pipe
    path.write_bytes(whole[:4] + b"\xff" * 4 + whole[8:at] + b"\xff" * 4 + whole[at + 4 :])
    assert np.abs(read_audio(path) - tone).max() < 1e-3
    for missing, words in ((tmp_path, "is a folder"), (tmp_path / "no.wav", "no such file")):
        with pytest.raises(DataError, match=words):
            read_audio(missing)
