"""Training batches and the loss of the zoo's networks, for training that goes on elsewhere.

    batches, loss = recipe_batches("digits", Path("recordings"), steps=100)
    fine_tune("exports/digits.nir", batches, loss, calibration=..., epochs=1)

The batches are those that a recipe would take after its last step, augmentation included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, overload

import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.zoo.data.vad_sets import SETS, vad_data
from neurodeploy.zoo.train import classifier, vad
from neurodeploy.zoo.train.classifiers import CLASSIFIERS, task_and_data

Batch = tuple[Tensor, Tensor]
Item = TypeVar("Item")
Loss = Callable[[Any, Any], Tensor]
VAD_WINDOW = 100  # time steps: a quarter of a mixture is enough to go on with
VAD_BATCH = 32


class Batches(Sequence[Item]):
    """`steps` batches, each made when it is asked for."""

    def __init__(self, at: Callable[[int], Item], steps: int) -> None:
        self._at, self._steps = at, steps

    def __len__(self) -> int:
        return self._steps

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._steps))]
        if not -self._steps <= index < self._steps:
            raise IndexError(index)
        return self._at(index % self._steps)


def recipe_batches(name: str, data: Path, steps: int) -> tuple[Batches[Batch], Loss]:
    """Batches (x, target) and loss(read-out in real units, target) of a network of the zoo.

    Raises what the data's reader raises.
    """
    if name in CLASSIFIERS:
        task, split = task_and_data(name, data)
        first = task.recipe.steps
        return Batches(
            lambda i: classifier.batch_at(task, split.train, first + i), steps
        ), class_loss
    recipe = replace(vad.VadRecipe(), window=VAD_WINDOW, batch=VAD_BATCH)
    cached = vad_data(data, SETS["train"], cache=data / "features" / "vad_train.npz")
    return Batches(lambda i: vad.batch_at(cached, recipe, recipe.steps + i), steps), frame_loss


def class_loss(readout: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy of the mean over time of the read-out (T, B, C), classes (B,).

    Raises DataError for a class that the read-out has no neuron for.
    """
    low, high, known = int(classes.min()), int(classes.max()), readout.shape[-1]
    if low < 0 or high >= known:
        detail = f"classes {low} to {high}, and the output has 0 to {known - 1}"
        raise DataError(Diagnostic("labels", "range", detail))
    return functional.cross_entropy(readout.mean(dim=0), classes)


def frame_loss(readout: Tensor, speech: Tensor) -> Tensor:
    """Binary cross-entropy of every step of the read-out (T, B, 1), speech (T, B)."""
    return functional.binary_cross_entropy_with_logits(readout[..., 0], speech.to(torch.float32))
