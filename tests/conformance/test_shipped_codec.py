"""The shipped codec on a real recording: the same bytes each time, speech on the other side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neurodeploy.bench.speech_metrics import stoi
from neurodeploy.resources import resource
from neurodeploy.zoo.audio.io import Audio, read_audio, write_audio
from neurodeploy.zoo.codec.container import RANGE_CODED
from neurodeploy.zoo.codec.files import Rate, decode_file, encode_file
from neurodeploy.zoo.codec.weights import Codec, open_codec
from neurodeploy.zoo.data.clips import load_clips


@pytest.fixture(scope="module")
def codec() -> Codec:
    return open_codec(resource("exports", "esc_tiny.safetensors"))


@pytest.fixture(scope="module")
def speech() -> Audio:
    return max(load_clips(), key=lambda clip: clip.snr_db).audio


def test_round_trip(codec: Codec, speech: Audio, tmp_path: Path) -> None:
    write_audio(tmp_path / "in.wav", speech)
    heard = {}
    for streams in (1, 6):
        files = [tmp_path / f"{n}_{streams}.esc" for n in "ab"]
        for file in files:
            facts = encode_file(codec, tmp_path / "in.wav", file, Rate(streams))
            decode_file(codec, file, file.with_suffix(".wav"))
        assert files[0].read_bytes() == files[1].read_bytes()
        first, second = (file.with_suffix(".wav").read_bytes() for file in files)
        assert first == second
        heard[streams] = read_audio(files[0].with_suffix(".wav"))
        assert heard[streams].size == speech.size
        frames = -(-speech.size // 320)  # of 20 ms, 30 bits a stream each
        assert facts["payload_bytes"] == pytest.approx(30 * streams * frames / 8, abs=streams + 1)
    assert stoi(heard[6], speech) > stoi(heard[1], speech) > 0.5


def test_range_coding_takes_less(codec: Codec, speech: Audio, tmp_path: Path) -> None:
    pytest.importorskip("constriction")
    write_audio(tmp_path / "in.wav", speech)
    packed, coded = (tmp_path / name for name in ("packed.esc", "coded.esc"))
    encode_file(codec, tmp_path / "in.wav", packed, Rate(6))
    encode_file(codec, tmp_path / "in.wav", coded, Rate(6, RANGE_CODED))
    assert coded.stat().st_size < packed.stat().st_size
    for file in (packed, coded):
        decode_file(codec, file, file.with_suffix(".wav"))
    assert packed.with_suffix(".wav").read_bytes() == coded.with_suffix(".wav").read_bytes()


def test_codebooks_are_used() -> None:
    """As its own training says: the share of the codes' bits, over validation speech."""
    metrics = json.loads(resource("exports", "esc_tiny.metrics.json").read_text("utf-8"))
    assert metrics["history"][-1]["val"]["bits_used"] >= 0.9
