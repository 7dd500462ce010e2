"""Braille letters under a robot's fingertip: 27 classes (A to Z and the blank), 50 slides each.

S. F. Müller-Cleve et al., "Braille letter reading: a benchmark for spatio-temporal pattern
recognition on neuromorphic hardware", Frontiers in Neuroscience 16 (2022); the data: CC BY 4.0,
Zenodo. Twelve capacitive taxels slide over a letter, 76 frames of 25 ms, values up to 255.

The publisher's file is a pickle, which can run any code and is not read here. Ours is an `.npz`
with `taxel_data` (1350, 76, 12) integers, `letter` (1350,) text and `repetition` (1350,) 0..49.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.array_files import ERRORS as ARRAY_ERRORS
from neurodeploy.zoo.data.sequences import Sequences, Split
from neurodeploy.zoo.level_crossings import Spikes, level_crossings

DT = 0.025  # seconds per network step: one frame
EVENT_STEP = 3  # taxel units per event
LETTERS = (*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "Space")
DIGEST = "5d99fe6bd56d932d8a029b3c8cc7a4bc34c31186728018d132f137c9a321ce9c"
ARRAYS = {"taxel_data": 3, "letter": 1, "repetition": 1}


def read_braille(path: Path) -> Split:
    """Repetitions 0, 5, 10, ... 45 of each letter are the test set, 1, 11, ... 41 validation.

    Raises DataError for a missing, damaged or other file: every number of this project is that of
    the published recordings, so others are refused by their checksum.
    """
    taxels, letters, repetition = _read(path)
    labels = np.array([LETTERS.index(letter) for letter in letters], dtype=np.int64)
    data = Sequences(taxels.transpose(1, 0, 2).astype(np.uint8), labels, LETTERS)
    test, val = repetition % 5 == 0, repetition % 10 == 1
    return Split(data.pick(~test & ~val), data.pick(val), data.pick(test))


def encode_braille(levels: npt.NDArray[Any]) -> Spikes:
    """Taxels (T, B, 12) -> spikes (T, B, 24); the first frame is what the fingertip is used to."""
    return level_crossings(levels, EVENT_STEP, start=levels[0])


def braille_digest(
    taxels: npt.NDArray[Any], letters: npt.NDArray[Any], repetition: npt.NDArray[Any]
) -> str:
    """SHA-256 of the recordings, whatever the file's compression or number format."""
    state = hashlib.sha256(taxels.astype("<i2").tobytes())
    state.update("\n".join(map(str, letters)).encode())
    state.update(repetition.astype("<i8").tobytes())
    return state.hexdigest()


def _read(path: Path) -> tuple[npt.NDArray[Any], ...]:
    where, hint = str(path), "an .npz with taxel_data, letter and repetition, see zoo/data/braille"
    if not path.is_file():
        raise DataError(Diagnostic(where, "data-missing", "no such file", hint))
    if not zipfile.is_zipfile(path):
        raise DataError(Diagnostic(where, "data-unreadable", "is no .npz", hint))
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except ARRAY_ERRORS as error:
        raise DataError(Diagnostic(where, "data-unreadable", str(error), hint)) from error
    problems = [
        Diagnostic(where, "data-array", f"has no {ndim}-dimensional array {name}", hint)
        for name, ndim in ARRAYS.items()
        if name not in found or found[name].ndim != ndim
    ]
    if problems:
        raise DataError(problems)
    arrays = tuple(found[name] for name in ARRAYS)
    if (digest := braille_digest(*arrays)) != DIGEST:
        detail = f"other recordings: SHA-256 {digest}, the published ones {DIGEST}"
        raise DataError(Diagnostic(where, "data-checksum", detail, hint))
    return arrays
