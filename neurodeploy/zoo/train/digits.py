"""The recipe behind exports/digits.safetensors.

    neurodeploy train digits --corpus FSDD -o RUN

FSDD is the folder of the Free Spoken Digit Dataset (zoo/data/digits.py). `--held-out SPEAKER`
trains without one speaker and tests on him instead of on the official test set.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from neurodeploy.zoo.data.digits import DIGEST, EVENT_STEP, FEATURES, encode_digits
from neurodeploy.zoo.data.sequences import Levels
from neurodeploy.zoo.models.digits import digits
from neurodeploy.zoo.train.classifier import Classification, ClassifierRecipe

COMMAND = "neurodeploy train digits --corpus FSDD -o RUN"


@dataclass(frozen=True)
class Voices:
    """How far training recordings are moved, so that six voices stand for more."""

    delay: int = 6  # steps of silence before the word, up to this many
    tempo: float = 0.15  # speed of speech, up to this share slower or faster
    bands: int = 1  # shift along the mel axis, up to this many bands: length of the vocal tract
    level: int = 8  # dB louder or quieter
    mask: int = 4  # neighbouring bands that are silenced, up to this many


def other_voice(levels: Levels, rng: np.random.Generator, by: Voices) -> Levels:
    """Levels (T, B, N) -> the same words in other voices, each its own; silence stays silence."""
    steps, batch, bands = levels.shape
    delay = rng.integers(0, by.delay + 1, batch)
    tempo = rng.uniform(1.0 - by.tempo, 1.0 + by.tempo, batch)
    rows = np.rint((np.arange(steps)[:, None] - delay) * tempo).astype(np.int64)  # (T, B)
    columns = np.arange(bands) + rng.integers(-by.bands, by.bands + 1, (batch, 1))  # (B, N)
    inside = ((rows >= 0) & (rows < steps))[:, :, None] & ((columns >= 0) & (columns < bands))
    moved = levels[
        rows.clip(0, steps - 1)[:, :, None],
        np.arange(batch)[:, None],
        columns.clip(0, bands - 1),
    ].astype(np.int64)
    first = rng.integers(0, bands, (batch, 1))
    width = rng.integers(0, by.mask + 1, (batch, 1))
    masked = (np.arange(bands) >= first) & (np.arange(bands) < first + width)
    louder = moved + rng.integers(-by.level, by.level + 1, (batch, 1))
    heard = inside & ~masked & (moved > 0)
    top = 2**FEATURES.bits - 1
    return np.where(heard, louder.clip(0, top), 0).astype(np.uint8)


def digits_task(
    held_out: str | None = None,
    recipe: ClassifierRecipe | None = None,
    voices: Voices | None = None,
) -> Classification:
    """The network with its data's encoding and augmentation; held_out names the speaker."""
    by = voices or Voices()
    option = f" --held-out {held_out}" if held_out else ""
    return Classification(
        name="digits",
        make=digits,
        encode=encode_digits,
        augment=lambda levels, rng: other_voice(levels, rng, by),
        recipe=recipe or ClassifierRecipe(),
        facts={
            "command": COMMAND + option,
            "held_out": held_out,
            "data": DIGEST,
            "features": asdict(FEATURES),
            "event_step": EVENT_STEP,
            "augmentation": asdict(by),
        },
    )
