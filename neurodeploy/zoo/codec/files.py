"""Recordings to `.esc` files and back, and what is to be said of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.whole_files import require_another, require_suffix, write_whole
from neurodeploy.zoo.audio.blocks import audio_blocks, write_blocks
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio
from neurodeploy.zoo.codec.coding import Coding
from neurodeploy.zoo.codec.container import (
    MAX_SAMPLES,
    PACKED,
    PACKET,
    RANGE_CODED,
    EscFile,
    EscWriter,
    Header,
    open_esc,
)
from neurodeploy.zoo.codec.weights import Codec
from neurodeploy.zoo.codec.windows import decode_windows, encode_windows
from neurodeploy.zoo.models.esc import EscConfig

Progress = Callable[[float], None]
Facts = dict[str, Any]
SUFFIXES = (".wav", ".flac")


def streams_of(kbps: float, config: EscConfig) -> int:
    """Streams of a rate; ConfigError for one that the network has not."""
    rates = [n * stream_rate(config) / 1000.0 for n in range(1, config.streams + 1)]
    found = [n for n, rate in enumerate(rates, 1) if abs(rate - kbps) < 1e-9]
    if not found:
        named = ", ".join(f"{rate:g}" for rate in rates)
        raise ConfigError(Diagnostic("kbps", "rate", f"{kbps:g} is not one of {named}"))
    return found[0]


def stream_rate(config: EscConfig) -> float:
    """Bit/s of one stream of packed codes."""
    return Header("", b"", 1, config.groups, PACKED, 0, config.code_samples).bit_rate


@dataclass(frozen=True)
class Rate:
    """How a recording is to be coded."""

    streams: int
    coding: int = PACKED  # or RANGE_CODED, which loses nothing


def encode_file(
    codec: Codec,
    source: Path,
    target: Path,
    rate: Rate,
    *,
    pool: Executor | None = None,
    progress: Progress = lambda share: None,
) -> Facts:
    """Recording to `.esc`; `facts_of` the file. DataError for a recording that cannot be read."""
    require_another(require_suffix(target, ".esc", "an encoded file"), (source,))
    c, coding = codec.network.config, Coding(codec.network)
    header = Header(codec.name, codec.hash, rate.streams, c.groups, rate.coding, 0, c.code_samples)
    heard = 0

    def counted() -> Iterator[Audio]:
        nonlocal heard
        for block in audio_blocks(source, progress):
            heard += block.size
            if heard > MAX_SAMPLES:
                detail = f"longer than {MAX_SAMPLES / SAMPLE_RATE / 3600:.0f} hours"
                raise DataError(Diagnostic(str(source), "audio-too-long", detail))
            yield block

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            writer = EscWriter(file, header, coding.shorter)
            for codes in encode_windows(codec.network, counted(), rate.streams, pool):
                writer.write(codes)
            if not heard:
                raise DataError(Diagnostic(str(source), "audio-too-short", "no sample at 16 kHz"))
            writer.close(heard)

    write_whole(target, write)
    with open_esc(target) as file:
        return facts_of(file)


def decode_file(
    codec: Codec,
    source: Path,
    target: Path,
    *,
    pool: Executor | None = None,
    progress: Progress = lambda share: None,
) -> Facts:
    """`.esc` to WAV or FLAC; `facts_of` the file, with what was lost.

    DataError for another model's file and for one with no intact packet.
    """
    if target.suffix not in SUFFIXES:
        detail = f"the name of decoded audio ends with {' or '.join(SUFFIXES)}"
        raise ConfigError(Diagnostic(str(target), "suffix", detail))
    require_another(target, (source,))
    with open_esc(source) as file:
        codec.require(file, str(source))
        if not file.payloads:
            raise DataError(Diagnostic(str(source), "esc-lost", "no packet is intact"))
        done, total = 0, file.header.samples

        def told() -> Iterator[Audio]:
            nonlocal done
            for audio in decode_windows(codec.network, file, Coding(codec.network), pool):
                done += audio.size
                progress(done / total)
                yield audio

        written = write_blocks(target, told())
        return facts_of(file) | {"written_s": written / SAMPLE_RATE}


def facts_of(file: EscFile) -> Facts:
    """What `neurodeploy codec info` tells, times in s and rates in bit/s."""
    h = file.header
    seconds = h.samples / SAMPLE_RATE
    coded_s = h.times * h.code_samples / SAMPLE_RATE
    time_s = h.code_samples / SAMPLE_RATE
    lost = [(a * PACKET * time_s, min(b * PACKET * time_s, seconds)) for a, b in file.lost()]
    return {
        "model": h.model,
        "model_hash": h.model_hash.hex(),
        "streams": h.streams,
        "bit_rate": h.bit_rate,
        "payload_bit_rate": 8 * file.payload_bytes / coded_s,
        "file_bit_rate": 8 * file.size / seconds,
        "entropy_coding": h.coding == RANGE_CODED,
        "sample_rate": SAMPLE_RATE,
        "samples": h.samples,
        "seconds": seconds,
        "file_bytes": file.size,
        "payload_bytes": file.payload_bytes,
        "packets": h.packets,
        "header_intact": file.header_intact,
        "end_intact": file.end_intact,
        "other_bytes": file.other_bytes,
        "lost_packets": h.packets - len(file.payloads),
        "lost_s": lost,
    }
