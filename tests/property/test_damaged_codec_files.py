"""Mutants of `.esc` and audio files; benchmarks/codec_fuzz.py makes thousands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurodeploy.zoo.codec.container import PACKED, RANGE_CODED
from tests.codec_files import encoded, small_codec
from tests.property.damaged_codec_files import DamagedEsc, judge_audio
from tests.property.damaged_files import byte_damage


@pytest.mark.parametrize("coding", [PACKED, RANGE_CODED])
def test_damaged_esc_files(tmp_path: Path, coding: int) -> None:
    codec = small_codec()
    whole = encoded(codec, tmp_path, 16_000 * 8, coding)
    judge, raw = DamagedEsc(codec, whole), whole.read_bytes()
    assert judge.judge(whole, decode=True) == "decoded"
    outcomes = set()
    rng = np.random.default_rng(coding)
    for number, (_, damage) in enumerate(byte_damage(len(raw), rng, flips=60)):
        mutant = tmp_path / "mutant.esc"
        mutant.write_bytes(raw)
        damage(mutant)
        outcomes.add(judge.judge(mutant, decode=number % 20 == 0))
    assert outcomes >= {"read", "decoded", "esc-header"}


def test_damaged_wav_headers(tmp_path: Path) -> None:
    whole = encoded(small_codec(), tmp_path, 16_000).with_name("noise.wav")
    raw = whole.read_bytes()
    outcomes = set()
    for _, damage in byte_damage(len(raw), np.random.default_rng(1), flips=90):
        mutant = tmp_path / "mutant.wav"
        mutant.write_bytes(raw)
        damage(mutant)
        outcomes.add(judge_audio(mutant))
    assert outcomes >= {"read", "audio-unreadable"}
