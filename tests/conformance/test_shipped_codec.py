"""The shipped codec on a real recording: the same bytes each time, speech on the other side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from neurodeploy.bench.speech_metrics import stoi
from neurodeploy.resources import resource
from neurodeploy.zoo.audio.io import Audio, read_audio, write_audio
from neurodeploy.zoo.codec.container import RANGE_CODED
from neurodeploy.zoo.codec.files import Rate, decode_file, encode_file
from neurodeploy.zoo.codec.weights import Codec, open_codec
from neurodeploy.zoo.data.clips import load_clips
from neurodeploy.zoo.train.codec_recipes import RECIPES
from tests.shipped import assert_training_is_told


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


@pytest.mark.parametrize("name", ["esc_tiny", "esc_tiny_no_pretraining"])
def test_its_training_is_told(codec: Codec, name: str) -> None:
    metrics = json.loads(resource("exports", f"{name}.metrics.json").read_text("utf-8"))
    assert metrics["variant"] == name
    assert metrics["parameters"] == sum(p.numel() for p in codec.network.parameters())
    recipe = RECIPES[name]
    assert metrics["history"][-1]["step"] == recipe.steps - recipe.pretraining


def test_codebooks_are_used(codec: Codec) -> None:
    """The codes of the shipped clips alone, 36 s, in which no codebook could show them all."""
    audio = np.concatenate([clip.audio for clip in load_clips()])
    codes = codec.network.encode(codec.network.spectrum(torch.from_numpy(audio[None])), 6)
    for books in codes[0].flatten(0, 1):
        counts = torch.bincount(books, minlength=1024)
        shares = counts[counts > 0] / counts.sum()
        assert -(shares * shares.log2()).sum() > 7.0  # of 10 bits


def test_the_spiking_encoder_says_nearly_what_its_twin_says(codec: Codec, speech: Audio) -> None:
    """Through the twin's own codebooks and decoder."""
    spiking = open_codec(resource("exports", "spiking_esc_t1.safetensors"))
    assert_training_is_told("spiking_esc_t1.safetensors", spiking.network)
    ours, twins = spiking.network.state_dict(), codec.network.state_dict()
    kept = [name for name in twins if name.startswith(("quantizers.", "decoder."))]
    assert all(torch.equal(ours[name], twins[name]) for name in kept) and kept
    audio = torch.from_numpy(speech[None, : speech.size // 320 * 320])
    heard = []
    for network in (spiking.network, codec.network):
        codes = network.encode(network.spectrum(audio), 6)
        heard.append(network.audio(network.decode(codes))[0].numpy())
    scores = [stoi(x, speech[: x.size]) for x in heard]
    assert scores[0] > scores[1] - 0.03
