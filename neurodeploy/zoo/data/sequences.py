"""Recordings of one length that each belong to one class, and the split of them into three sets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sequences:
    """levels (T, B, N), whole numbers before spike encoding; labels (B,), indices into classes."""

    levels: Levels
    labels: Indices
    classes: tuple[str, ...]

    def pick(self, which: npt.NDArray[Any]) -> Sequences:
        """The recordings of an index or mask (B,)."""
        return Sequences(self.levels[:, which], self.labels[which], self.classes)

    @property
    def digest(self) -> str:
        """SHA-256 of all that a training sees."""
        state = hashlib.sha256(repr((self.levels.shape, self.classes)).encode())
        state.update(np.ascontiguousarray(self.levels).tobytes())
        state.update(self.labels.astype("<i8").tobytes())
        return state.hexdigest()


@dataclass(frozen=True)
class Split:
    """Train, validation and test set of one data set."""

    train: Sequences
    val: Sequences
    test: Sequences


def decide(readout: npt.NDArray[Any]) -> Indices:
    """Read-out membranes (T, B, C), real or integers -> classes (B,): the largest sum over time."""
    return np.asarray(readout.sum(axis=0).argmax(axis=-1), dtype=np.int64)
