"""`.esc` files: exact rates and lengths, windows that change nothing, losses that stay where they
are."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.cli import main
from neurodeploy.errors import ConfigError, DataError
from neurodeploy.zoo.audio.blocks import audio_blocks
from neurodeploy.zoo.codec.coding import Coding
from neurodeploy.zoo.codec.container import RANGE_CODED, Header, open_esc
from neurodeploy.zoo.codec.files import Rate, decode_file, encode_file, facts_of, streams_of
from neurodeploy.zoo.codec.packing import pack, packed_size, unpack
from neurodeploy.zoo.codec.weights import Codec, open_codec, save_codec
from neurodeploy.zoo.codec.windows import encode_windows, one_thread
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import EscConfig
from neurodeploy.zoo.train.checkpoint import save_weights
from tests.codec_files import SMALL, codes_of, encoded, noise, small_codec

LONG = 16_000 * 12 + 123  # three windows, and no whole number of codes


@pytest.fixture(scope="module")
def codec() -> Codec:
    return small_codec()


@given(st.integers(1, 6), st.integers(1, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_packing_inverts_at_ten_bits_a_code(streams: int, times: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 1024, (streams, 3, times))
    packed = pack(codes)
    assert len(packed) == packed_size(codes.size) == -(-codes.size * 10 // 8)
    assert np.array_equal(unpack(packed, (streams, 3, times)), codes)
    as_text = "".join(f"{code:010b}" for code in codes.swapaxes(1, 2).ravel())
    assert packed == int(as_text.ljust(8 * len(packed), "0"), 2).to_bytes(len(packed), "big")


@pytest.mark.parametrize("kbps", [1.5, 3, 4.5, 6, 7.5, 9])
def test_rates_by_payload(tmp_path: Path, kbps: float) -> None:
    """48 s are 50 packets of 0.96 s: nothing to round."""
    streams = streams_of(kbps, EscConfig())
    per_time = streams * 3 * 10
    assert 50 * per_time == 1000 * kbps
    assert 50 * packed_size(48 * streams * 3) * 8 == 1000 * kbps * 48
    for other in (kbps + 0.1, float("nan"), float("inf"), -kbps):
        with pytest.raises(ConfigError, match=r"1\.5, 3, 4\.5, 6, 7\.5, 9"):
            streams_of(other, EscConfig())


def test_a_file_says_what_it_costs(codec: Codec, tmp_path: Path) -> None:
    path = encoded(codec, tmp_path, 96 * 160 * 4)  # 4 packets
    with open_esc(path) as file:
        facts = facts_of(file)
    assert facts["payload_bit_rate"] == 3 * 1500
    assert facts["file_bytes"] == path.stat().st_size == 2 * 48 + 4 * 12 + 4 * 540
    assert (facts["lost_packets"], facts["header_intact"]) == (0, True)


@pytest.mark.parametrize("samples", [1, 319, 320, 16_000, LONG])
def test_lengths_are_exact(codec: Codec, tmp_path: Path, samples: int) -> None:
    path = encoded(codec, tmp_path, samples)
    decode_file(codec, path, tmp_path / "out.wav")
    assert soundfile.info(str(tmp_path / "out.wav")).frames == samples


def test_windows_give_the_codes_of_the_whole(codec: Codec) -> None:
    """However the audio arrives, and computed at once or by others beside."""
    audio, streams = noise(LONG), SMALL.streams
    network = codec.network
    padded = np.pad(audio, (0, -audio.size % 320))
    whole = network.encode(network.spectrum(torch.from_numpy(padded[None])), streams)[0].numpy()
    at_once = list(encode_windows(network, [audio], streams))
    assert len(at_once) == 3
    assert np.array_equal(np.concatenate(at_once, axis=-1), whole)
    for pieces in (777, 20_000):
        blocks = [audio[i : i + pieces] for i in range(0, audio.size, pieces)]
        with one_thread(), ThreadPoolExecutor(2) as pool:
            streamed = list(encode_windows(network, blocks, streams, pool))
        assert np.array_equal(np.concatenate(streamed, axis=-1), whole)


def test_files_are_equal_for_any_number_of_threads(codec: Codec, tmp_path: Path) -> None:
    first = encoded(codec, tmp_path, LONG).read_bytes()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert encoded(codec, tmp_path, LONG).read_bytes() == first
    finally:
        torch.set_num_threads(before)


def test_decoding_in_windows_is_decoding(codec: Codec, tmp_path: Path) -> None:
    path = encoded(codec, tmp_path, LONG)
    packets = codes_of(path, Coding(codec.network))
    codes = np.concatenate([packets[n] for n in sorted(packets)], axis=-1)
    with torch.no_grad():
        whole = codec.network.audio(codec.network.decode(torch.from_numpy(codes[None].copy())))
    decode_file(codec, path, tmp_path / "out.flac")
    heard, rate = soundfile.read(tmp_path / "out.flac", dtype="float32")
    assert rate == 16_000
    expected = whole[0, :LONG].numpy().clip(-1, 1)
    np.testing.assert_allclose(heard, expected, atol=1.01 / 32_768)


def test_damage_stays_where_it_is(codec: Codec, tmp_path: Path) -> None:
    """One byte wrong in packet 7 of 13: its 0.96 s are silent and told, the rest is what it was."""
    path = encoded(codec, tmp_path, LONG)
    decode_file(codec, path, tmp_path / "whole.wav")
    raw = bytearray(path.read_bytes())
    with open_esc(path) as file:
        raw[file.payloads[7][0] + 5] ^= 1
    raw[1] ^= 255  # and the first header
    (tmp_path / "bad.esc").write_bytes(bytes(raw))
    facts = decode_file(codec, tmp_path / "bad.esc", tmp_path / "bad.wav")
    assert facts["lost_s"] == [(7 * 0.96, 8 * 0.96)] and not facts["header_intact"]
    whole, bad = (soundfile.read(tmp_path / f"{n}.wav")[0] for n in ("whole", "bad"))
    lost, reach = slice(7 * 15_360, 8 * 15_360), SMALL.reach
    assert bad.size == whole.size and not bad[lost].any()
    assert np.array_equal(bad[: 5 * 15_360], whole[: 5 * 15_360])  # other windows: bit for bit
    step = 1.01 / 32_768
    np.testing.assert_allclose(bad[lost.stop + reach :], whole[lost.stop + reach :], atol=step)


def test_a_cut_file_decodes_as_far_as_it_goes(codec: Codec, tmp_path: Path) -> None:
    path = encoded(codec, tmp_path, LONG)
    cut = tmp_path / "cut.esc"
    cut.write_bytes(path.read_bytes()[: 48 + 3 * 552 + 100])
    facts = decode_file(codec, cut, tmp_path / "cut.wav")
    assert facts["lost_s"] == [(3 * 0.96, LONG / 16_000)]
    assert facts["written_s"] == 3 * 0.96


def test_range_coding_is_smaller_and_lossless(codec: Codec, tmp_path: Path) -> None:
    packed = encoded(codec, tmp_path, LONG)
    shorter = Coding(codec.network)
    coded = encoded(codec, tmp_path, LONG, RANGE_CODED)
    assert coded.stat().st_size < 0.95 * packed.stat().st_size
    unlikely = np.random.default_rng(0).integers(0, 1024, (3, 3, 48))
    assert len(shorter.shorter(unlikely)) > len(pack(unlikely))  # what a writer leaves packed
    one, other = codes_of(packed, shorter), codes_of(coded, shorter)
    assert all(np.array_equal(one[n], other[n]) for n in one) and len(one) == len(other) == 13


def test_another_models_file_is_refused(codec: Codec, tmp_path: Path) -> None:
    path = encoded(codec, tmp_path, 4000)
    other = small_codec()
    other.network.code_counts[0] += 1
    with pytest.raises(DataError, match="esc-model"):
        decode_file(Codec("small", other.network), path, tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


def test_what_does_not_belong_to_a_file_is_not_decoded_and_told(
    codec: Codec, tmp_path: Path
) -> None:
    """A lost packet, and behind the file the same packets of another model."""
    path = encoded(codec, tmp_path, 48_000)
    whole = path.read_bytes()
    other = small_codec()
    other.network.code_counts[0] += 1
    foreign = Codec("small", other.network)
    encode_file(foreign, tmp_path / "noise.wav", tmp_path / "b.esc", Rate(SMALL.streams))
    broken = bytearray(whole)
    broken[48 + 20] ^= 1
    path.write_bytes(bytes(broken) + (tmp_path / "b.esc").read_bytes())
    with open_esc(path) as file:
        facts = facts_of(file)
    size = len(whole) - 96
    first = 12 + file.header.packed_size(0)
    assert facts["lost_s"] == [(0.0, 0.96)]
    assert facts["header_intact"] and not facts["end_intact"]
    assert facts["other_bytes"] == first + 48 + size + 2 * 48
    path.write_bytes(whole)
    with open_esc(path) as file:
        facts = facts_of(file)
    assert facts["end_intact"] and facts["other_bytes"] == 0 and facts["lost_s"] == []


def test_headers_that_cannot_be_are_said_in_words(codec: Codec, tmp_path: Path) -> None:
    path = tmp_path / "h.esc"
    sound = Header("small", codec.hash, 1, 3, 0, 8000, 320)
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"model": "a\n\x1b[31m"}, "name of its model"),
        ({"samples": 0}, "0 samples, not 1 to"),
        ({"coding": 7}, "coding 7"),
        ({"groups": 0}, "0 groups"),
    )
    for changed, words in changes:
        path.write_bytes(2 * replace(sound, **changed).to_bytes())
        with pytest.raises(DataError, match=words) as caught, open_esc(path):
            pass
        assert "Header(" not in str(caught.value)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    network = CODECS["esc_tiny"]()
    with torch.no_grad():
        next(network.parameters())[0] = float("nan")
    save_codec(tmp_path / "nan.safetensors", "esc_tiny", network)
    with pytest.raises(DataError, match=r"weights-not-finite.*1 tensors"):
        open_codec(tmp_path / "nan.safetensors")


def test_wav_and_flac_hold_the_same_samples(codec: Codec, tmp_path: Path) -> None:
    path = encoded(codec, tmp_path, 8000)
    for suffix in ("wav", "flac"):
        decode_file(codec, path, tmp_path / f"o.{suffix}")
    heard = [soundfile.read(tmp_path / f"o.{s}", dtype="int16")[0] for s in ("wav", "flac")]
    assert np.array_equal(*heard) and heard[0].any()


def test_a_name_that_no_library_takes_is_a_line(codec: Codec, tmp_path: Path) -> None:
    encoded(codec, tmp_path, 8000)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    (tmp_path / "noise.wav").rename(odd)
    with pytest.raises(DataError, match="audio-unreadable"):
        encode_file(codec, odd, tmp_path / "o.esc", Rate(1))


def test_int8_codes_decode_with_and_without_it(codec: Codec, tmp_path: Path) -> None:
    path = encoded(codec, tmp_path, 8000)
    smaller = codec.int8()
    encode_file(smaller, tmp_path / "noise.wav", tmp_path / "small.esc", Rate(SMALL.streams))
    for one in (codec, smaller):
        for source in (path, tmp_path / "small.esc"):
            assert decode_file(one, source, tmp_path / "o.wav")["written_s"] == 0.5


def test_recordings_of_any_rate_come_in_blocks(tmp_path: Path) -> None:
    t = np.arange(48_000 * 2) / 48_000
    tone = 0.5 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, tone], 1), 48_000)
    x = np.concatenate(list(audio_blocks(tmp_path / "a.wav")))
    assert x.size == 32_000
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
    np.testing.assert_allclose(x[500:-500], expected[500:-500], atol=2e-4)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two files at once, a third that is none; nothing half-written."""
    model = tmp_path / "m.safetensors"
    save_codec(model, "esc_tiny", CODECS["esc_tiny"]())
    assert open_codec(model).name == "esc_tiny"
    for name, samples in (("a", 8000), ("b", 4000)):
        soundfile.write(tmp_path / f"{name}.wav", noise(samples), 16_000)
    wavs = [str(tmp_path / f"{name}.wav") for name in "ab"]
    out = str(tmp_path / "out")

    def run(*arguments: str) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as stop:
            main(["codec", *arguments])
        text = capsys.readouterr().out
        return int(stop.value.code or 0), json.loads(text) if text else None

    options = ("--model", str(model), "-o", out)
    code, facts = run("encode", *wavs, *options, "--kbps", "3", "--json")
    assert code == 0 and [f["samples"] for f in facts.values()] == [8000, 4000]
    assert all(f["payload_bit_rate"] == pytest.approx(3000, abs=20) for f in facts.values())
    esc = [str(tmp_path / "out" / f"{name}.esc") for name in "ab"]
    assert run("decode", *esc, *options, "--json")[0] == 0
    assert run("info", *esc, "--json")[1][esc[0]]["model"] == "esc_tiny"
    assert run("encode", str(model), wavs[0], "--model", str(model), "-o", out + "2")[0] == 2
    assert [p.name for p in (tmp_path / "out2").iterdir()] == ["a.esc"]
    assert run("encode", wavs[0], "--model", wavs[1], "-o", out)[0] == 2
    other = tmp_path / "other.safetensors"
    save_weights(other, open_codec(model).network, {"codec": "esc_tiny", "shape": "{}"})
    assert run("encode", wavs[0], "--model", str(other), "-o", out)[0] == 2
    for place in ("-", str(tmp_path / "both.esc")):
        assert run("encode", *wavs, "--model", str(model), "-o", place)[0] == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "constriction", None)
        assert run("encode", wavs[0], *options, "--entropy")[0] == 3
    cut = Path(esc[0]).read_bytes()[:-200]
    (tmp_path / "cut.esc").write_bytes(cut)
    some = run("info", str(tmp_path / "none.esc"), str(tmp_path / "cut.esc"), "--json")
    assert some[0] == 2 and list(some[1]) == [str(tmp_path / "cut.esc")]
