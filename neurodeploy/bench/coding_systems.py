"""Speech codecs as systems to measure: a recording goes in, what a receiver hears comes out.

Ours by their files; Opus and Codec2 by ffmpeg (Debian's has both), whose output is shifted by the
whole samples that correlate it best with the recording and cut to its length. `payload_bits` are
the packets' own; `file_bits` are with container and headers.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from neurodeploy.bench.enhancement_systems import digest_of
from neurodeploy.errors import BackendUnavailable, DataError, Diagnostic
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, read_recording, write_audio
from neurodeploy.zoo.codec.coding import Coding
from neurodeploy.zoo.codec.container import open_esc
from neurodeploy.zoo.codec.files import Rate, decode_file, encode_file, stream_rate
from neurodeploy.zoo.codec.weights import Codec, open_codec

LAGS = 1600  # samples either way: 100 ms
OPUS_KBPS = (6.0, 7.5, 9.0, 12.0, 15.0)
CODEC2_MODES = ("3200", "2400", "1400", "700C")


@dataclass(frozen=True)
class Received:
    """What came of a recording."""

    audio: Audio  # as long as it was
    payload_bits: int
    file_bits: int
    range_coded_bits: int | None = None  # of our own: payload_bits with --entropy


@dataclass(frozen=True)
class CodingSystem:
    """One row. made_of: package version, or SHA-256 of weights: a row stays valid with it."""

    name: str
    made_of: str
    transmit: Callable[[Audio], Received]
    codec: Codec | None = None
    streams: int = 0  # of our own codecs


def best_shift(audio: Audio, clean: Audio) -> Audio:
    """`audio` moved by at most 100 ms to where it correlates best with `clean`, and as long."""
    size = 1 << (audio.size + clean.size).bit_length()
    spectrum = np.fft.rfft(audio, size) * np.fft.rfft(clean, size).conj()
    correlation = np.fft.irfft(spectrum, size)
    lags = np.arange(-LAGS, LAGS + 1)
    lag = int(lags[np.argmax(correlation[lags])])
    moved = audio[lag:] if lag >= 0 else np.pad(audio, (-lag, 0))
    return np.pad(moved, (0, max(0, clean.size - moved.size)))[: clean.size]


def own_systems(weights: Sequence[Path]) -> list[CodingSystem]:
    """Every rate of every trained codec, named after its file: NAME KBPS; NAME int8 KBPS of the
    lowest and the highest with 8-bit matrices."""
    systems = []
    for path in weights:
        codec = open_codec(path)
        digest = digest_of(path)
        most = codec.network.config.streams
        systems += [
            CodingSystem(
                f"{path.stem} {_kbps(codec, n)}", digest, _own(codec, n), codec=codec, streams=n
            )
            for n in range(1, most + 1)
        ]
        smaller = codec.int8()
        systems += [
            CodingSystem(f"{path.stem} int8 {_kbps(codec, n)}", f"{digest} int8", _own(smaller, n))
            for n in (1, most)
        ]
    return systems


def _kbps(codec: Codec, streams: int) -> str:
    return f"{streams * stream_rate(codec.network.config) / 1000.0:g}"


def _own(codec: Codec, streams: int) -> Callable[[Audio], Received]:
    def transmit(clean: Audio) -> Received:
        with tempfile.TemporaryDirectory() as name:
            wav, coded, heard = (Path(name, f) for f in ("a.wav", "a.esc", "b.wav"))
            write_audio(wav, clean)
            facts = encode_file(codec, wav, coded, Rate(streams))
            decode_file(codec, coded, heard)
            audio, _ = read_recording(heard)
            shorter = 8 * _range_coded(codec, coded)
            return Received(audio, 8 * facts["payload_bytes"], 8 * coded.stat().st_size, shorter)

    return transmit


def _range_coded(codec: Codec, coded: Path) -> int:
    """Bytes of the packets of a file that is packed, as `--entropy` would write them."""
    coding = Coding(codec.network)
    with open_esc(coded) as file:
        return sum(
            min(len(file.payload(n)), len(coding.shorter(coding.read(file, n))))
            for n in range(file.header.packets)
        )


def other_systems() -> list[CodingSystem]:
    """Opus and Codec2; BackendUnavailable where there is no ffmpeg."""
    version = _ffmpeg("-version").splitlines()[0]
    opus = [
        (f"opus {kbps:g}", ("-c:a", "libopus", "-b:a", f"{kbps:g}k", "-application", "voip"), "ogg")
        for kbps in OPUS_KBPS
    ]
    codec2 = [
        (f"codec2 {mode}", ("-ar", "8000", "-c:a", "libcodec2", "-mode", mode), "c2")
        for mode in CODEC2_MODES
    ]
    return [
        CodingSystem(name, f"{version} {' '.join(options)}", _other(options, suffix))
        for name, options, suffix in (*opus, *codec2)
    ]


def _other(options: Sequence[str], suffix: str) -> Callable[[Audio], Received]:
    def transmit(clean: Audio) -> Received:
        with tempfile.TemporaryDirectory() as name:
            wav, coded, heard = (Path(name, f) for f in ("a.wav", f"a.{suffix}", "b.wav"))
            write_audio(wav, clean)
            _ffmpeg("-i", str(wav), *options, str(coded))
            _ffmpeg("-i", str(coded), "-ar", str(SAMPLE_RATE), "-ac", "1", str(heard))
            asked = ("-show_entries", "packet=size", "-of", "csv=p=0", str(coded))
            sizes = _ffmpeg("-v", "error", *asked, tool="ffprobe").replace(",", " ").split()
            audio = best_shift(read_recording(heard)[0], clean)
            return Received(audio, 8 * sum(map(int, sizes)), 8 * coded.stat().st_size)

    return transmit


@cache
def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        detail = "Opus and Codec2 are measured through it"
        raise BackendUnavailable(
            Diagnostic(name, "program-missing", detail, "apt-get install ffmpeg")
        )
    return found


def _ffmpeg(*arguments: str, tool: str = "ffmpeg") -> str:
    """What it prints; DataError where it fails."""
    quiet = ("-loglevel", "error", "-y", "-nostdin") if tool == "ffmpeg" else ()
    done = subprocess.run([_tool(tool), *quiet, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise DataError(Diagnostic(tool, "failed", done.stderr.strip() or "without a word"))
    return done.stdout
