"""Recordings as 16 kHz mono float32 arrays in [-1, 1], refused with a reason where unusable."""

from __future__ import annotations

import importlib
import io
import os
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurodeploy.errors import BackendUnavailable, ConfigError, DataError, Diagnostic
from neurodeploy.whole_files import require_file, write_whole

SAMPLE_RATE = 16_000
MIN_SAMPLES = 400  # one 25 ms feature frame
CLIPPED_LEVEL = 0.999
CLIPPED_SHARE = 0.002  # a few full-scale samples are normal, a plateau is not

FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}

UNKNOWN_LENGTH = 0x7FFF_0000  # bytes; programs that write WAV to a pipe put 2^31 or 2^32 - 1

OGG_HEADER = 27  # bytes of a page before its table of sizes
OGG_PAGE = OGG_HEADER + 255 + 255 * 255  # bytes of a page at most

Audio = npt.NDArray[np.float32]


def audio_package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BackendUnavailable(
            Diagnostic(
                where=name,
                rule="package-missing",
                detail=f"audio needs the Python package {name} ({error})",
                hint='pip install "neurodeploy[audio]"',
            )
        ) from error


def check_audio(x: npt.NDArray[Any], where: str) -> None:
    """Raise DataError, listing every problem, unless `x` (samples,) is usable audio.

    Problems: not one-dimensional, shorter than one 25 ms frame, NaN or infinite samples, more than
    0.2 % of the samples at full scale.
    """
    problems: list[Diagnostic] = []
    if x.ndim != 1:
        problems.append(Diagnostic(where, "audio-shape", f"shape {x.shape}, expected (samples,)"))
    if x.size < MIN_SAMPLES:
        problems.append(
            Diagnostic(where, "audio-too-short", f"{x.size} samples, at least {MIN_SAMPLES} needed")
        )
    if not np.isfinite(x).all():
        count = int((~np.isfinite(x)).sum())
        problems.append(Diagnostic(where, "audio-not-finite", f"{count} NaN or infinite samples"))
    elif x.size and (share := float((np.abs(x) >= CLIPPED_LEVEL).mean())) > CLIPPED_SHARE:
        problems.append(
            Diagnostic(
                where,
                "audio-clipped",
                f"{share:.1%} of the samples at full scale, limit {CLIPPED_SHARE:.1%}",
                "record at a lower level",
            )
        )
    if problems:
        raise DataError(problems)


def resample(x: Audio, rate: int, target: int = SAMPLE_RATE) -> Audio:
    """`x` (samples,) at `rate` Hz, resampled to `target` Hz by soxr's HQ filter."""
    if rate == target:
        return x
    soxr = audio_package("soxr")
    return np.asarray(soxr.resample(x, rate, target, quality="HQ"), dtype=np.float32)


def read_recording(path: str | os.PathLike[str]) -> tuple[Audio, int]:
    """Any format that libsndfile reads -> (samples,) float32, channels averaged, and its rate, Hz.

    Raises DataError for a damaged file and for what `check_audio` refuses.
    """
    soundfile, file = audio_package("soundfile"), Path(path)
    require_file(file, "audio-unreadable")
    try:
        with soundfile.SoundFile(os.fspath(path)) as opened:
            raw, rate = opened.read(dtype="float32", always_2d=True), opened.samplerate
            _require_whole(opened.extra_info, str(path))
            if opened.format == "OGG":
                _require_last_page(file)
    except (soundfile.SoundFileError, OSError, UnicodeError) as error:
        raise DataError(Diagnostic(str(path), "audio-unreadable", str(error))) from error
    check_audio(raw.reshape(-1), str(path))
    return raw.mean(axis=1, dtype=np.float32), int(rate)


def _require_whole(log: str, where: str) -> None:
    """By libsndfile's log; a length that a pipe could not know is no sign of a cut."""
    told = re.search(r"^data : (\d+) \(should be (\d+)\)", log, re.M)
    if told and int(told[2]) < int(told[1]) < UNKNOWN_LENGTH:
        detail = f"its header tells {told[1]} bytes of samples, {told[2]} are there"
        raise DataError(Diagnostic(where, "audio-truncated", detail, "fetch the whole file"))


def _require_last_page(path: Path) -> None:
    """That an Ogg file (RFC 3533) ends with a whole page which says that it is the last."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - OGG_PAGE))
        tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    count = page[26] if len(page) >= OGG_HEADER else 0
    size = OGG_HEADER + count + sum(page[OGG_HEADER:][:count])
    if len(page) < size or not page[5] & 4:
        detail = "its last page is missing or cut off"
        raise DataError(Diagnostic(str(path), "audio-truncated", detail, "fetch the whole file"))


def read_audio(path: str | os.PathLike[str]) -> Audio:
    """`read_recording` at 16 kHz -> (samples,) float32."""
    x = resample(*read_recording(path))
    check_audio(x, str(path))
    return x


def read_g722(path: str | os.PathLike[str]) -> Audio:
    """A raw 64 kbit/s G.722 stream (ITU-T G.722, as Asterisk ships it) -> (samples,) at 16 kHz."""
    g722 = audio_package("G722")
    decoded = g722.G722(SAMPLE_RATE, 64_000).decode(Path(path).read_bytes())
    x = np.asarray(decoded, dtype=np.float32) / np.float32(32_768)
    check_audio(x, str(path))
    return x


def require_format(path: Path) -> Path:
    """`path`; ConfigError for a suffix that `write_audio` does not write."""
    if path.suffix.lower() not in FORMATS:
        detail = f"suffix is not one of {', '.join(FORMATS)}"
        raise ConfigError(Diagnostic(str(path), "audio-format", detail))
    return path


def write_audio(path: str | os.PathLike[str], x: Audio, rate: int = SAMPLE_RATE) -> int:
    """`x` (samples,) at `rate` Hz as mono in 16 bit (.wav, .flac) or Vorbis (.ogg), by the suffix.

    The file appears whole or not at all. Returns how many samples beyond full scale were cut.
    Raises ConfigError for another suffix, DataError for samples that are not finite.
    """
    kind = FORMATS[require_format(Path(path)).suffix.lower()]
    if not np.isfinite(x).all():
        raise DataError(Diagnostic(str(path), "audio-not-finite", "NaN or infinite samples"))
    soundfile = audio_package("soundfile")
    clipped = np.clip(x, -1.0, 32_767 / 32_768)
    write_whole(
        Path(path),
        lambda partial: soundfile.write(
            str(partial), clipped, rate, format=kind[0], subtype=kind[1]
        ),
    )
    return int((np.abs(x) > 1.0).sum())


def wav_bytes(x: Audio, rate: int = SAMPLE_RATE) -> bytes:
    """`x` (samples,) at `rate` Hz as a 16 bit mono WAV file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(np.clip(x, -1.0, 1.0) * 32_767).astype("<i2").tobytes())
    return content.getvalue()


def write_flac(path: str | os.PathLike[str], x: Audio) -> None:
    """Write `x` (samples,) as 16 kHz 16 bit mono FLAC; the file appears whole or not at all."""
    write_audio(Path(path).with_suffix(".flac"), x)
