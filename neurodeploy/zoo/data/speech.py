"""Clean speech of a corpus for vocoders: random crops to train on, whole recordings to measure.

A crop is drawn with the same probability from anywhere in the split, at a random gain: the peak of
its recording lies at -6 to -1 dBFS, as in Vocos' training (gemelo-ai/vocos).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.zoo.audio.io import Audio, read_audio
from neurodeploy.zoo.data.manifest import MANIFEST, Recording, read_manifest
from neurodeploy.zoo.data.mixing import Load

PEAK_DB = (-6.0, -1.0)
HELD_DB = -3.0  # where no gain is drawn


@dataclass(frozen=True)
class Speech:
    """Recordings of speech and how to read one."""

    recordings: tuple[Recording, ...]
    load: Load


def open_speech(corpus: Path, split: str, sources: Sequence[str] = ()) -> Speech:
    """The speech of a split of a prepared corpus, of these sources or of all; files stay in memory.

    Raises DataError where there is none.
    """

    @cache
    def load(path: str) -> Audio:
        return read_audio(corpus / path)

    chosen = tuple(
        r
        for r in read_manifest(corpus / MANIFEST)
        if r.kind == "speech" and r.split == split and (not sources or r.source in sources)
    )
    if not chosen:
        detail = f"no speech of {', '.join(sources) or 'any source'} in split {split}"
        raise DataError(
            Diagnostic(str(corpus), "source-missing", detail, "neurodeploy data prepare")
        )
    return Speech(chosen, load)


def at_peak(x: Audio, recording: Audio, db: float) -> Audio:
    """`x` with the gain that brings the peak of `recording` to `db` dBFS."""
    return x * np.float32(10.0 ** (db / 20.0) / max(float(np.abs(recording).max()), 1e-9))


def random_crop(speech: Speech, samples: int, rng: np.random.Generator) -> Audio:
    """(samples,), the same for the same state of `rng`; a recording that is shorter is repeated."""
    sizes = np.array([r.samples for r in speech.recordings], dtype=np.float64)
    which = int(rng.choice(sizes.size, p=sizes / sizes.sum()))
    whole = speech.load(speech.recordings[which].path)
    start = int(rng.integers(max(1, whole.size - samples + 1)))
    crop = np.resize(whole[start:], samples) if whole.size < samples else whole[start:][:samples]
    return at_peak(crop, whole, float(rng.uniform(*PEAK_DB)))
