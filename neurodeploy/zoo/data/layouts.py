"""Which data set a folder holds, told by its file names: its name and its recordings.

    speech  LibriSpeech   SPEAKER-CHAPTER-UTTERANCE.flac
            LibriTTS      SPEAKER_CHAPTER_PARAGRAPH_SENTENCE.wav; speakers are LibriSpeech's, and
                          fall into the same splits
            DNS-Challenge …_reader_READER_….wav of read_speech; other parts by their folder
            plain         any other: each folder below the root is a speaker, or each file in it
    noise   ESC-10/50     FOLD-RECORDING-TAKE.wav
            plain         any other, DNS-Challenge's noise_fullband included: a file is a recording

Splits of DNS-Challenge and of plain folders are a hash of speaker or recording.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from neurodeploy.zoo.data.folders import (
    FolderItem,
    esc_items,
    librispeech_items,
    speech_split,
)
from neurodeploy.zoo.data.manifest import split_by_origin

SUFFIXES = (".wav", ".flac", ".ogg")
_LIBRITTS = re.compile(r"^(\d+)_\d+_\d+_\d+\.wav$")
_DNS_READER = re.compile(r"_reader_(\d+)_")

Items = Callable[[Path], Iterator[FolderItem]]


def _files(root: Path) -> list[Path]:
    return [f for f in sorted(root.rglob("*")) if f.suffix.lower() in SUFFIXES]


def libritts_items(root: Path) -> Iterator[FolderItem]:
    """Sentences of LibriTTS, in the publisher's layout."""
    for file in _files(root):
        if match := _LIBRITTS.match(file.name):
            speaker = match.group(1)
            split = speech_split(file.relative_to(root).parts[:-1], speaker)
            yield FolderItem(file, split, f"librispeech-{speaker}")


def dns_items(root: Path) -> Iterator[FolderItem]:
    """Clean speech of the DNS-Challenge, by reader where the name tells one."""
    for file in _files(root):
        match = _DNS_READER.search(file.name)
        folder = file.relative_to(root).parent.as_posix()
        origin = f"dns-reader-{match.group(1)}" if match else f"dns-{folder}"
        yield FolderItem(file, split_by_origin(origin), origin)


def plain_speech_items(root: Path) -> Iterator[FolderItem]:
    """Any folder of speech."""
    for file in _files(root):
        parts = file.relative_to(root).parts
        origin = f"{root.name}-{parts[0] if len(parts) > 1 else file.stem}"
        yield FolderItem(file, split_by_origin(origin), origin)


def plain_noise_items(root: Path) -> Iterator[FolderItem]:
    """Any folder of noise."""
    for file in _files(root):
        origin = f"{root.name}-{file.relative_to(root).with_suffix('').as_posix()}"
        yield FolderItem(file, split_by_origin(origin), origin)


def _any_name(files: list[Path], pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(file.name) for file in files)


def speech_layout(root: Path) -> tuple[str, Items]:
    """The data set's name and its reader; of a folder without recordings LibriSpeech's, which
    raises DataError unless what it held has been converted already."""
    files = _files(root)
    if not files or _any_name(files, re.compile(r"^\d+-\d+-\d+\.(flac|wav)$")):
        return "librispeech", librispeech_items
    if _any_name(files, _LIBRITTS):
        return "libritts", libritts_items
    if _any_name(files, _DNS_READER):
        return "dns", dns_items
    return f"speech_{root.name}", plain_speech_items


def noise_layout(root: Path) -> tuple[str, Items]:
    """Likewise; of a folder without recordings ESC's."""
    files = _files(root)
    if not files or _any_name(files, re.compile(r"[1-5]-\d+-[A-Z](-\d+)?\.(flac|wav|ogg)$")):
        return "esc", esc_items
    return f"noise_{root.name}", plain_noise_items
