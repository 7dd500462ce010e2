"""VoiceBank+DEMAND (Valentini-Botinhao 2017, CC BY 4.0): pairs of noisy and clean recordings.

    ROOT/clean_testset_wav/p232_001.wav     ROOT/noisy_testset_wav/p232_001.wav
    ROOT/clean_trainset_28spk_wav/…         ROOT/noisy_trainset_28spk_wav/…

Split: the publisher's test set; of the training set the speakers p226 and p287 are validation, as
is the custom.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.zoo.audio.io import read_audio
from neurodeploy.zoo.data.noisy_speech import Pair

VALIDATION_SPEAKERS = ("p226", "p287")


@dataclass(frozen=True)
class PairFiles:
    """Two files of one name."""

    noisy: Path
    clean: Path
    split: str
    speaker: str


def voicebank_files(root: Path) -> tuple[PairFiles, ...]:
    """All pairs below `root`; DataError if there are none, or noisy files without a clean one."""
    found, problems = [], []
    for noisy in sorted(root.rglob("noisy_*set*_wav/*.wav")):
        folder = noisy.parent.with_name(noisy.parent.name.replace("noisy_", "clean_", 1))
        clean, speaker = folder / noisy.name, noisy.stem.split("_")[0]
        if not clean.is_file():
            problems.append(Diagnostic(str(noisy), "pair-missing", f"{clean} does not exist"))
        held_out = "val" if speaker in VALIDATION_SPEAKERS else "train"
        split = "test" if "testset" in folder.name else held_out
        found.append(PairFiles(noisy, clean, split, speaker))
    if not found:
        detail = "no noisy_testset_wav/*.wav below it"
        problems.append(Diagnostic(str(root), "folder-empty", detail, "give VoiceBank+DEMAND"))
    if problems:
        raise DataError(problems)
    return tuple(found)


def read_pair(files: PairFiles) -> Pair:
    """Both at 16 kHz; DataError for unequal lengths."""
    noisy, clean = read_audio(files.noisy), read_audio(files.clean)
    if noisy.size != clean.size:
        detail = f"{noisy.size} samples, the clean recording has {clean.size}"
        raise DataError(Diagnostic(str(files.noisy), "pair-length", detail))
    return Pair(noisy, clean)
