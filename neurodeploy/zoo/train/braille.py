"""The recipe behind exports/braille.safetensors.

    neurodeploy train braille --corpus braille_letters.npz -o RUN

The file and its contents: zoo/data/braille.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from neurodeploy.zoo.data.braille import DIGEST, EVENT_STEP, encode_braille
from neurodeploy.zoo.data.sequences import Levels
from neurodeploy.zoo.models.braille import braille
from neurodeploy.zoo.train.classifier import Classification, ClassifierRecipe

COMMAND = "neurodeploy train braille --corpus braille_letters.npz -o RUN"

RECIPE = ClassifierRecipe(steps=450, lr=4e-3, validate_every=75)


@dataclass(frozen=True)
class Slides:
    """How far training recordings are moved in time."""

    delay: int = 4  # steps at rest before the slide, up to this many
    tempo: float = 0.1  # speed of the slide, up to this share slower or faster


def other_slide(levels: Levels, rng: np.random.Generator, by: Slides) -> Levels:
    """Taxels (T, B, N) -> the same letters, slid over later and at other speeds."""
    steps, batch, _ = levels.shape
    delay = rng.integers(0, by.delay + 1, batch)
    tempo = rng.uniform(1.0 - by.tempo, 1.0 + by.tempo, batch)
    rows = np.rint((np.arange(steps)[:, None] - delay) * tempo).astype(np.int64)
    return np.asarray(levels[rows.clip(0, steps - 1), np.arange(batch)])


def braille_task(
    recipe: ClassifierRecipe | None = None, slides: Slides | None = None
) -> Classification:
    """The network with its data's encoding and augmentation."""
    by = slides or Slides()
    return Classification(
        name="braille",
        make=braille,
        encode=encode_braille,
        augment=lambda levels, rng: other_slide(levels, rng, by),
        recipe=recipe or RECIPE,
        facts={
            "command": COMMAND,
            "data": DIGEST,
            "event_step": EVENT_STEP,
            "augmentation": asdict(by),
        },
    )
