"""Build the 16 kHz corpus: every source becomes FLAC files and lines of one manifest.

A finished source leaves `parts/SOURCE.jsonl`, so an interrupted build goes on with the next one,
and beside it the reasons of files that were left out, counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.whole_files import make_folder
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, read_audio, read_g722, write_flac
from neurodeploy.zoo.data.debian import SOURCES, DebianSource, source_files
from neurodeploy.zoo.data.folders import FolderItem
from neurodeploy.zoo.data.layouts import noise_layout, speech_layout
from neurodeploy.zoo.data.manifest import (
    MANIFEST,
    Recording,
    check_splits,
    read_manifest,
    split_by_origin,
    write_manifest,
)

MIN_SECONDS = {"speech": 0.5, "noise": 1.0}
MAX_SECONDS = 20.0  # longer recordings are cut, so that one music track does not fill a split
LICENCES = {"librispeech": "CC-BY-4.0", "libritts": "CC-BY-4.0", "esc": "CC-BY-3.0"}
UNKNOWN = "as given"  # the user's own folders
SILENT_RMS = 10 ** (-65 / 20)

Progress = Callable[[str, int, int], None]


def _pieces(x: Audio, kind: str) -> Iterator[Audio]:
    """DC-free pieces of at most 20 s that are long and loud enough to use."""
    x = (x - x.mean()).astype(np.float32)
    size = int(MAX_SECONDS * SAMPLE_RATE)
    for start in range(0, x.size, size):
        piece = x[start : start + size]
        loud = float(np.sqrt(np.mean(piece.astype(np.float64) ** 2))) > SILENT_RMS
        if piece.size >= MIN_SECONDS[kind] * SAMPLE_RATE and loud:
            yield piece


def _debian_items(source: DebianSource, corpus: Path) -> Iterator[FolderItem]:
    files = source_files(source, corpus / "packages", record=corpus / "packages.json")
    for file in files:
        if source.skip and re.search(source.skip, file.as_posix()):
            continue
        # water01.ogg and water02.ogg are one recording cut in two: digits do not count
        name = re.sub(r"[\d_.-]+$", "", file.stem).lower()
        origin = source.speaker or f"{source.name}-{name}"
        yield FolderItem(file, source.split or split_by_origin(origin), origin)


@dataclass(frozen=True)
class _Job:
    """One source of recordings; `items` fetches what is needed and lists the files."""

    name: str
    kind: str
    licence: str
    items: Callable[[], Iterable[FolderItem]]


def _jobs(corpus: Path, packages: bool, speech: Path | None, noise: Path | None) -> list[_Job]:
    jobs = []
    if speech is not None:
        name, items = speech_layout(speech)
        jobs.append(_Job(name, "speech", LICENCES.get(name, UNKNOWN), partial(items, speech)))
    if noise is not None:
        name, items = noise_layout(noise)
        jobs.append(_Job(name, "noise", LICENCES.get(name, UNKNOWN), partial(items, noise)))
    for source in SOURCES if packages else ():
        own = partial(_debian_items, source, corpus)
        jobs.append(_Job(source.name, source.kind, source.licence, own))
    return jobs


def _add_source(corpus: Path, job: _Job, progress: Progress) -> Counter[str]:
    """Convert one source's files; the reasons of files left out, counted."""
    items = list(job.items())
    name, kind = job.name, job.kind
    recordings: list[Recording] = []
    left_out: Counter[str] = Counter()
    for number, item in enumerate(items):
        progress(name, number, len(items))
        read = read_g722 if item.file.suffix == ".g722" else read_audio
        try:
            pieces = list(_pieces(read(item.file), kind))
        except DataError as error:
            left_out[error.diagnostics[0].rule] += 1
            continue
        if not pieces:
            left_out["too-short-or-silent"] += 1
        for part, x in enumerate(pieces):
            path = f"{kind}/{item.split}/{name}_{number:04d}_{part}.flac"
            write_flac(corpus / path, x)
            recordings.append(
                Recording(path, kind, item.split, name, item.origin, x.size, job.licence)
            )
    progress(name, len(items), len(items))
    write_manifest(corpus / "parts" / f"{name}.jsonl", recordings)
    return left_out


def prepare_corpus(
    corpus: Path,
    *,
    packages: bool = True,
    speech_folder: Path | None = None,
    noise_folder: Path | None = None,
    progress: Progress = lambda name, done, total: None,
) -> dict[str, float]:
    """Build or complete the corpus folder; minutes of audio per "kind/split".

    packages: use the Debian sources. speech_folder, noise_folder: what `zoo.data.layouts` knows.
    Raises DataError (unusable folder, damaged package, mixed splits), BackendUnavailable (no apt,
    no audio packages) and ConfigError (no source asked for).
    """
    if not packages and speech_folder is None and noise_folder is None:
        raise ConfigError(
            Diagnostic("data prepare", "no-source", "neither packages nor a folder was given")
        )
    make_folder(corpus / "parts")
    jobs = _jobs(corpus, packages, speech_folder, noise_folder)
    for job in jobs:
        if not (corpus / "parts" / f"{job.name}.jsonl").is_file():
            left_out = _add_source(corpus, job, progress)
            text = json.dumps(left_out, sort_keys=True) + "\n"
            (corpus / "parts" / f"{job.name}.left_out.json").write_text(text, encoding="utf-8")
    return _finish(corpus)


def _finish(corpus: Path) -> dict[str, float]:
    parts = sorted((corpus / "parts").glob("*.jsonl"))
    recordings = [r for part in parts for r in read_manifest(part)]
    check_splits(recordings)
    write_manifest(corpus / MANIFEST, recordings)
    minutes: dict[str, float] = {}
    for r in recordings:
        key = f"{r.kind}/{r.split}"
        minutes[key] = minutes.get(key, 0.0) + r.samples / SAMPLE_RATE / 60
    return {key: round(value, 2) for key, value in sorted(minutes.items())}
