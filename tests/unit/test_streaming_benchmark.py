from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks.enhancement_table import _streaming
from benchmarks.streaming import PIECES, measure, streamed
from neurodeploy.zoo.audio.stft import StftConfig
from neurodeploy.zoo.audio.stream import Enhancer, Frames


class Through:
    """o = 0; counts the frames that it sees."""

    stft, delay, frames = StftConfig(shape="sqrt_hann"), 0, 0

    def advance(self, magnitude: Frames) -> Frames:
        Through.frames += len(magnitude)
        return np.zeros_like(magnitude)


def test_every_piece_of_a_stream_is_timed_and_ratios_are_of_one_round() -> None:
    audio = np.ones(3 * PIECES[0], dtype=np.float32)
    seconds = streamed(lambda: Enhancer(Through()))(audio, PIECES[0])
    assert len(seconds) >= 3 and all(s >= 0 for s in seconds)
    assert Through.frames == 30 + 3  # the last three hops leave with silence behind them
    rounds = iter([[9.0], [9.0], [1.0, 1.0], [4.0], [2.0, 2.0], [12.0]] * 2)
    fake = {name: lambda audio, piece: next(rounds) for name in ("cpu", "rnnoise")}
    found = measure(fake, audio, 2)
    assert [r["system"] for r in found] == ["cpu", "rnnoise"] * 2
    assert found[0]["ratio"] == 1.0 and found[0]["median_s"] == 1.5
    assert found[1]["ratio"] == 2.5  # of 4 / 2 and 12 / 4
    assert found[1]["real_time_factor"] == pytest.approx(8.0 / (audio.size / 16_000))
    shown = _streaming(
        {"run": {"machine": {"processor": "P"}}, "load": [0, 1], "measurements": found}
    )
    assert "| RNNoise, resampling included | 80 ms |" in shown and "2.5" in shown
