"""Recordings in folders that a user has: LibriSpeech and ESC-10/50, in two layouts each.

Both data sets carry all that a split needs in their file names, so the layout hardly matters:
`SPEAKER-CHAPTER-UTTERANCE.flac` and `FOLD-RECORDING-TAKE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.zoo.data.manifest import hash_fraction

_UTTERANCE = re.compile(r"^(\d+)-\d+-\d+\.(flac|wav)$")
_ESC_CLIP = re.compile(r"(\d)-(\d+)-[A-Z](-\d+)?\.(flac|wav|ogg)$")
_ESC_SPLIT = {"1": "train", "2": "train", "3": "train", "4": "val", "5": "test"}


@dataclass(frozen=True)
class FolderItem:
    """One audio file of a user's folder, with the split that it belongs to."""

    file: Path
    split: str
    origin: str


def speech_split(folders: tuple[str, ...], speaker: str) -> str:
    """The split of a LibriSpeech speaker: its subset's, or within train-* a hash of the speaker."""
    for folder in reversed(folders):
        if folder.startswith(("test", "dev", "val")):
            return "test" if folder.startswith("test") else "val"
        if folder == "train":
            return "train"
    x = hash_fraction("librispeech" + speaker)  # one big train-* subset: by speaker
    return "test" if x < 0.08 else "val" if x < 0.16 else "train"


def librispeech_items(root: Path) -> Iterator[FolderItem]:
    """Utterances below `root`, in the publisher's layout or in flat train/val/test folders.

    `dev-*` is validation, `test-*` test; `train-clean-*` is split by a hash of the speaker.
    Raises DataError when no file name reads SPEAKER-CHAPTER-UTTERANCE.
    """
    found = False
    for file in sorted(root.rglob("*-*-*.*")):
        if match := _UTTERANCE.match(file.name):
            found = True
            speaker = match.group(1)
            split = speech_split(file.relative_to(root).parts[:-1], speaker)
            yield FolderItem(file, split, f"librispeech-{speaker}")
    if not found:
        raise DataError(
            Diagnostic(
                str(root),
                "folder-empty",
                _lack(root, "SPEAKER-CHAPTER-UTTERANCE.flac"),
                "give LibriSpeech's folder",
            )
        )


def _lack(root: Path, name: str) -> str:
    return f"no file named {name}" if root.is_dir() else "there is no such folder"


def esc_items(root: Path) -> Iterator[FolderItem]:
    """Clips of ESC-10 or ESC-50 below `root`: folds 1-3 train, 4 validation, 5 test.

    The publisher's folds never share a source recording. Raises DataError when no file name reads
    FOLD-RECORDING-TAKE.
    """
    found = False
    for file in sorted(root.rglob("*-*-*.*")):
        match = _ESC_CLIP.search(file.name)
        if match and match.group(1) in _ESC_SPLIT:
            found = True
            yield FolderItem(file, _ESC_SPLIT[match.group(1)], f"freesound-{match.group(2)}")
    if not found:
        raise DataError(
            Diagnostic(
                str(root),
                "folder-empty",
                _lack(root, "FOLD-RECORDING-TAKE.wav"),
                "give the folder of ESC-10 or ESC-50",
            )
        )
