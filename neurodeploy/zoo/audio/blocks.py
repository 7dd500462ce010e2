"""Recordings of any length in pieces: 16 kHz mono float32, in memory that does not grow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.whole_files import require_file, write_whole
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, audio_package

BLOCK = 16_384  # frames read at a time
RATES = (1_000, 768_000)  # Hz; others are damaged headers


def audio_blocks(
    path: str | os.PathLike[str], progress: Callable[[float], None] = lambda share: None
) -> Iterator[Audio]:
    """Any format that libsndfile reads -> pieces, channels averaged, resampled by soxr's HQ filter.

    Silent and clipped recordings pass. Raises DataError for a damaged or empty file and for
    samples that are not finite. `progress` is told the share that was read.
    """
    soundfile, soxr = audio_package("soundfile"), audio_package("soxr")
    require_file(Path(path), "audio-unreadable", pipes=True)
    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            if not RATES[0] <= file.samplerate <= RATES[1]:
                detail = f"{file.samplerate} Hz is not within {RATES[0]} to {RATES[1]}"
                raise DataError(Diagnostic(str(path), "audio-rate", detail))
            stream = soxr.ResampleStream(file.samplerate, SAMPLE_RATE, 1, dtype="float32")
            same, done = file.samplerate == SAMPLE_RATE, 0
            while (raw := file.read(BLOCK, dtype="float32", always_2d=True)).size:
                x = _mono(raw, str(path))
                done += x.size
                yield x if same else stream.resample_chunk(x)
                progress(min(1.0, done / max(1, file.frames)))
            if not done:
                raise DataError(Diagnostic(str(path), "audio-too-short", "holds no samples"))
            if not same:
                yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
    except (soundfile.SoundFileError, OSError, UnicodeError) as error:
        raise DataError(Diagnostic(str(path), "audio-unreadable", str(error))) from error


def _mono(raw: Audio, where: str) -> Audio:
    x = raw.mean(axis=1, dtype=np.float32)
    if not np.isfinite(x).all():
        count = int((~np.isfinite(raw)).sum())
        raise DataError(Diagnostic(where, "audio-not-finite", f"{count} NaN or infinite samples"))
    return x


def write_blocks(path: Path, blocks: Iterator[Audio]) -> int:
    """Pieces as one 16 kHz mono WAV or FLAC file of 16 bit, by the suffix; the samples written.

    Samples beyond full scale are cut. The file appears whole or not at all.
    """
    soundfile = audio_package("soundfile")
    written = 0

    def write(partial: Path) -> None:
        nonlocal written
        kind = path.suffix[1:].upper()
        with soundfile.SoundFile(
            str(partial), "w", SAMPLE_RATE, channels=1, format=kind, subtype="PCM_16"
        ) as file:
            for block in blocks:
                # in integers: formats round floats in ways of their own
                file.write(np.rint(np.clip(32_768.0 * block, -32_768, 32_767)).astype(np.int16))
                written += block.size

    write_whole(path, write)
    return written
