"""Spoken digits: the Free Spoken Digit Dataset, 6 speakers x 10 digits x 50 takes at 8 kHz.

Z. Jackson et al., Free Spoken Digit Dataset, github.com/Jakobovski/free-spoken-digit-dataset,
CC BY-SA 4.0. A folder with its files `{digit}_{speaker}_{take}.wav` (or .flac) is all that is
needed; recordings other than the 3,000 published ones are refused by their checksum.

Two splits. The official one tests on takes 0 to 4 of speakers that are known from training. The
other one leaves a speaker out and tests on all that he says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.zoo.audio.io import Audio, read_recording, resample
from neurodeploy.zoo.audio.logmel import LogMel, LogMelConfig
from neurodeploy.zoo.data.sequences import Sequences, Split
from neurodeploy.zoo.level_crossings import Spikes, level_crossings

DT = 0.01  # seconds per network step: the hop of the features
STEPS = 80  # 0.8 s from the beginning; 97 % of the recordings are shorter, silence follows them
FEATURES = LogMelConfig(n_mels=32, low_hz=100.0, high_hz=3_900.0)
EVENT_STEP = 6  # levels of 1 dB per event
DIGEST = "796273d2ee66642756d738c83f2061844e97e80ac5cd97605d0173ed9690d669"
_NAME = re.compile(r"^\d_[a-z]+_\d+$")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Published:
    """What a data set of this form consists of."""

    speakers: tuple[str, ...] = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    takes: int = 50  # of each digit by each speaker
    digest: str = DIGEST  # SHA-256 of names and 16-bit samples

    @property
    def names(self) -> list[str]:
        """Of all recordings, in order."""
        return [f"{d}_{s}_{t}" for d in range(10) for s in self.speakers for t in range(self.takes)]


FSDD = Published()


def read_digits(
    folder: Path,
    *,
    held_out: str | None = None,
    published: Published = FSDD,
    progress: Progress = lambda done, total: None,
) -> Split:
    """The official split, or the one that holds a speaker out.

    Official: test takes 0-4, validation takes 5-9. Held out: test all takes of the speaker,
    validation takes 5-9 of the others. Raises DataError for a folder that is not the data set,
    ConfigError for a speaker that it does not have.
    """
    if held_out is not None and held_out not in published.speakers:
        detail = f"{held_out!r} is not one of {', '.join(published.speakers)}"
        raise ConfigError(Diagnostic("held_out", "speaker-unknown", detail))
    data, speaker, take = _read(folder, published, progress)
    test = take < 5 if held_out is None else speaker == held_out
    val = (take >= 5) & (take < 10) & ~test
    return Split(data.pick(~test & ~val), data.pick(val), data.pick(test))


def digit_levels(audio: Audio) -> npt.NDArray[np.uint8]:
    """Audio (samples,) at 16 kHz -> log-mel levels (STEPS, n_mels), 0..63, 1 dB each."""
    levels = np.zeros((STEPS, FEATURES.n_mels), dtype=np.uint8)
    found = np.rint(LogMel(FEATURES).offline(audio)[:STEPS] * 2**FEATURES.bits)
    levels[: len(found)] = found
    return levels


def encode_digits(levels: npt.NDArray[Any]) -> Spikes:
    """Levels (T, B, 32) -> spikes (T, B, 64): rises of each band, then falls; silence before."""
    return level_crossings(levels, EVENT_STEP)


def _read(
    folder: Path, published: Published, progress: Progress
) -> tuple[Sequences, npt.NDArray[Any], npt.NDArray[Any]]:
    """All recordings by name, with the speaker and the take of each."""
    files = _files(folder, published.names)
    levels, state = [], hashlib.sha256()
    for number, (name, file) in enumerate(files.items()):
        progress(number, len(files))
        recording, rate = read_recording(file)
        state.update(name.encode() + np.rint(recording * 32_768).astype("<i2").tobytes())
        levels.append(digit_levels(resample(recording, rate)))
    progress(len(files), len(files))
    if (digest := state.hexdigest()) != published.digest:
        detail = f"other recordings: SHA-256 {digest}, the published ones {published.digest}"
        raise DataError(Diagnostic(str(folder), "data-checksum", detail))
    digits, speakers, takes = zip(*(name.split("_") for name in files), strict=True)
    labels = np.array(digits, dtype=np.int64)
    data = Sequences(np.stack(levels, axis=1), labels, tuple("0123456789"))
    return data, np.array(speakers), np.array(takes, dtype=np.int64)


def _files(folder: Path, names: list[str]) -> dict[str, Path]:
    """The recordings' files by the names that the publisher gave them."""
    found = {
        file.stem: file
        for file in sorted(folder.rglob("*_*_*.*"))
        if file.suffix in (".wav", ".flac") and _NAME.match(file.stem)
    }
    missing = [name for name in names if name not in found]
    if missing:
        detail = f"{len(missing)} of {len(names)} recordings are missing, such as {missing[0]}.wav"
        hint = "give the folder `recordings` of the Free Spoken Digit Dataset"
        raise DataError(Diagnostic(str(folder), "data-missing", detail, hint))
    return {name: found[name] for name in names}
