"""The corpus folder's table of contents and the one rule of its splits.

A corpus is a folder of 16 kHz FLAC files and a `manifest.jsonl` with one `Recording` a line.
A speaker, and a source recording, belongs to exactly one of the splits train, val and test.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.whole_files import write_text

SPLITS = ("train", "val", "test")
MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Recording:
    """One FLAC file of the corpus."""

    path: str  # relative to the corpus folder, with forward slashes
    kind: str  # "speech" or "noise"
    split: str  # "train", "val" or "test"
    source: str  # data set or package group it came from, such as "asterisk_ru"
    origin: str  # whom the split must keep together: the speaker, or the source recording
    samples: int  # length at 16 kHz
    licence: str  # SPDX-like short name


def hash_fraction(text: str) -> float:
    """A stable number in [0, 1) for a name: equal on every machine, unlike `hash`."""
    return int(hashlib.sha1(text.encode()).hexdigest()[:8], 16) / 0x1_0000_0000


def split_by_origin(origin: str, *, val: float = 0.1, test: float = 0.2) -> str:
    """The split of a source recording, by the hash of its name alone."""
    x = hash_fraction(origin)
    return "test" if x < test else "val" if x < test + val else "train"


def check_splits(recordings: Iterable[Recording]) -> None:
    """Raise DataError if a speaker or a source recording occurs in two splits."""
    seen: dict[tuple[str, str], set[str]] = {}
    problems = []
    for r in recordings:
        seen.setdefault((r.kind, r.origin), set()).add(r.split)
        if r.split not in SPLITS:
            problems.append(Diagnostic(r.path, "split-unknown", f"split {r.split!r}"))
    problems += [
        Diagnostic(f"{kind} {origin}", "split-mixed", f"occurs in {', '.join(sorted(splits))}")
        for (kind, origin), splits in sorted(seen.items())
        if len(splits) > 1
    ]
    if problems:
        raise DataError(problems)


def write_manifest(path: Path, recordings: Iterable[Recording]) -> None:
    """One JSON object a line, sorted by path; replaces the file in one step."""
    lines = [json.dumps(asdict(r)) for r in sorted(recordings, key=lambda r: r.path)]
    write_text(path, "".join(line + "\n" for line in lines))


def read_manifest(path: Path) -> tuple[Recording, ...]:
    """The recordings of a manifest; DataError names every line that is not one."""
    if not path.is_file():
        raise DataError(
            Diagnostic(str(path), "manifest-missing", "no such file", "neurodeploy data prepare")
        )
    names = {f.name for f in fields(Recording)}
    recordings, problems = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            if set(entry) != names:
                raise ValueError(f"fields {sorted(entry)}, expected {sorted(names)}")
            recordings.append(Recording(**entry))
        except (ValueError, TypeError) as error:
            problems.append(Diagnostic(f"{path}:{number}", "manifest-line", str(error)))
    if problems:
        raise DataError(problems)
    return tuple(recordings)
