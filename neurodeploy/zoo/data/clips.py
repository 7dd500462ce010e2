"""The short recordings that ship with the project: speech in noise, labelled, redistributable."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.resources import resource
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, read_audio
from neurodeploy.zoo.data.labels import HOP, Labels

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Clip:
    """One recording: audio (samples,) at 16 kHz, labels (samples // 160,) speech or not."""

    name: str  # file name without suffix
    audio: Audio
    labels: Labels
    snr_db: float
    speech: str  # who speaks, from where
    noise: str  # what is heard behind, from where
    licence: str


def labels_from_segments(segments: list[list[float]], samples: int) -> Labels:
    """Speech segments (start, end) in seconds -> a label per 10 ms frame, (samples // 160,)."""
    labels = np.zeros(samples // HOP, dtype=np.bool_)
    for start, end in segments:
        labels[round(start * SAMPLE_RATE / HOP) : round(end * SAMPLE_RATE / HOP)] = True
    return labels


def load_clips(folder: Path | None = None) -> list[Clip]:
    """All shipped clips in the order of clips.toml, from a checkout or an installed package.

    Raises DataError for a damaged table or recording.
    """
    folder = folder or resource("exports", "clips")
    table = folder / "clips.toml"
    try:
        entries = tomllib.loads(table.read_text(encoding="utf-8"))["clip"]
        return [_clip(folder, entry) for entry in entries]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise DataError(Diagnostic(str(table), "clips-table", repr(error))) from error


def _clip(folder: Path, entry: dict[str, object]) -> Clip:
    file = folder / str(entry["file"])
    audio = read_audio(file)
    segments = entry["segments"]
    assert isinstance(segments, list)
    return Clip(
        name=file.stem,
        audio=audio,
        labels=labels_from_segments(segments, audio.size),
        snr_db=float(str(entry["snr_db"])),
        speech=str(entry["speech"]),
        noise=str(entry["noise"]),
        licence=str(entry["licence"]),
    )
