"""Audio in and out of the commands that stream: files, or raw samples through a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from neurodeploy.cli._show import say

if TYPE_CHECKING:
    from neurodeploy.zoo.audio.io import Audio

CHUNK_S = 0.08
RATE = 16_000
RAW = "-: raw 16-bit little-endian mono at 16 kHz"
HEADERS = (b"RIFF", b"fLaC", b"OggS")  # of files, which a pipe's raw samples do not have


def chunks_of(recording: Path, rate: int = RATE) -> Iterable[Audio]:
    """Audio in pieces: a file, read and checked here, at `rate` Hz; or raw samples, which are, as
    they come."""
    from neurodeploy.zoo.audio.io import check_audio, read_recording, resample

    size = round(CHUNK_S * rate)
    if str(recording) == "-":
        return _piped(2 * size)
    x = resample(*read_recording(recording), rate)
    check_audio(x, str(recording))
    return [x[start : start + size] for start in range(0, x.size, size)]


def _piped(most: int) -> Iterator[Audio]:
    import numpy as np

    from neurodeploy.errors import DataError, Diagnostic

    source: BinaryIO = sys.stdin.buffer
    rest, started = b"", False
    while data := source.read1(most):  # type: ignore[attr-defined]  # a buffer has it
        if not started and data[:4] in HEADERS:
            detail = f"starts with {data[:4].decode()}: a file, not raw samples"
            raise DataError(Diagnostic("input", "stream", detail, "give the file's name"))
        started = True
        data = rest + data
        whole = len(data) // 2 * 2
        rest = data[whole:]
        yield np.frombuffer(data[:whole], "<i2").astype(np.float32) / np.float32(32_768)


def shown(chunks: Iterable[Audio], recording: Path) -> Iterable[Audio]:
    """The chunks, with a bar on a terminal; of a pipe, which has no end, without."""
    from rich.console import Console
    from rich.progress import track

    if str(recording) == "-":
        return chunks
    console = Console(stderr=True)
    disable = not console.is_terminal
    return track(chunks, recording.name, console=console, transient=True, disable=disable)


def kept(chunks: Iterable[Audio], heard: list[Audio]) -> Iterator[Audio]:
    """The chunks, and `heard` has them, too."""
    for chunk in chunks:
        heard.append(chunk)
        yield chunk


def send(output: Path, chunk: Audio) -> None:
    """To stdout at once, if that is where it goes."""
    import numpy as np

    if str(output) == "-":
        sys.stdout.buffer.write(np.rint(np.clip(chunk, -1, 1) * 32_767).astype("<i2").tobytes())
        sys.stdout.buffer.flush()


def joined(chunks: Sequence[Audio]) -> Audio:
    """All chunks as one recording."""
    import numpy as np

    return np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.float32)


def write_chunks(output: Path, written: Sequence[Audio], rate: int = RATE) -> None:
    """The whole as a file, unless it went to stdout."""
    from neurodeploy.zoo.audio.io import write_audio

    if str(output) == "-":
        return
    if cut := write_audio(output, joined(written), rate):
        say(f"note: {cut} samples beyond full scale were cut")
    say(f"wrote {output}")


def write_page(
    page: Path,
    title: str,
    kind: str,
    versions: Mapping[str, Sequence[Audio]],
    facts: dict[str, Any],
    qualities: Mapping[str, dict[str, float]],
    rate: int = RATE,
) -> None:
    """The page of versions of a recording, by name."""
    from neurodeploy.report.listening_page import Heard, write_listening_page
    from neurodeploy.zoo.audio.io import wav_bytes
    from neurodeploy.zoo.audio.spectrogram import FLOOR_DB, spectrogram_db

    recordings = {name: joined(chunks) for name, chunks in versions.items()}
    heard = [
        Heard(name, wav_bytes(x, rate), x.size / rate, spectrogram_db(x), qualities.get(name, {}))
        for name, x in recordings.items()
    ]
    write_listening_page(page, title, kind, heard, facts, top_hz=rate / 2, floor_db=FLOOR_DB)
    say(f"wrote {page}")


def require_places(sources: Iterable[Path], output: Path, page: Path | None) -> None:
    """ConfigError where audio or page cannot be written, or would be over a source, before any
    work; - is standard output."""
    from neurodeploy.whole_files import require_another, require_place, require_suffix
    from neurodeploy.zoo.audio.io import require_format

    if page is not None:
        require_place(require_suffix(page, ".html", "the page"))
    if str(output) != "-":
        require_place(require_another(require_format(output), sources))


def require_length(samples: int, rate: int, where: str) -> None:
    """DataError for audio too short to be measured or shown."""
    from neurodeploy.errors import DataError, Diagnostic

    least = rate // 40
    if samples < least:
        detail = f"{samples} samples, at least {least} needed"
        raise DataError(Diagnostic(where, "audio-too-short", detail))


def say_facts(facts: dict[str, Any]) -> None:
    """One a line, numbers in four digits."""
    for key, value in facts.items():
        say(f"{key:22} {value:.4g}" if isinstance(value, float) else f"{key:22} {value}")
