"""Fine-tuning through the chip's integers: on which data, and what it gained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch

from neurodeploy import pipeline
from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.array_files import read_arrays
from neurodeploy.ir.inputs import Inputs
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize import Options
from neurodeploy.zoo.calibration import DATA_SETS
from neurodeploy.zoo.evaluation import DETECTORS, Labelled, evaluation_sets, share_right
from neurodeploy.zoo.fine_tuning import FineTuned, FixedNetwork, fine_tune
from neurodeploy.zoo.train.batches import Batches, Loss, class_loss, frame_loss, recipe_batches

Array = np.ndarray[Any, np.dtype[Any]]
NAMES = (*DETECTORS, *DATA_SETS)
HELD_OUT = 5  # every fifth sample, where no test set is given
CALIBRATION = 64  # samples
VALIDATION = 256  # samples at most
VALIDATION_BATCHES = 4  # of a recipe
CHECKS = 10  # how often the weights are scored


@dataclass(frozen=True)
class TuningData:
    """Batches and their loss; validation: batches of training data that are not trained on, to pick
    the step by; calibration input; test: what the gain is measured on."""

    batches: Batches[tuple[torch.Tensor, torch.Tensor]]
    loss: Loss
    validation: Sequence[tuple[Any, Any]]
    calibration: Array
    test: Labelled


@dataclass(frozen=True)
class Gain:
    """Shares of right answers on `answers` of the test set: the real network, the compiled one, and
    the compiled one after fine-tuning. kept: the step that validation picked, 0 for rounding."""

    real: float
    rounded: float
    tuned: float
    answers: int
    kept: int


def recipe_data(name: str, corpus: Path, steps: int) -> TuningData:
    """Of a network of the zoo: `steps` batches of its own recipe, the next few to validate on, and
    its test set."""
    sets = evaluation_sets(name, corpus)
    drawn, loss = recipe_batches(name, corpus, steps + VALIDATION_BATCHES)
    batches = Batches(drawn.__getitem__, steps)
    return TuningData(batches, loss, drawn[steps:], sets.calibration, sets.test)


def labelled_data(
    path: Path, steps: int, *, batch: int, test: Path | None = None, seed: int = 0
) -> TuningData:
    """Of an `.npz`: `input` (T, B, *shape) and `labels`, classes (B,) or 0 and 1 per step (T, B).

    Each batch is drawn without putting back. Without a `test` file every fifth sample is held out;
    every fifth of the rest, 256 at most, is to validate on (of fewer than five, all are).
    Raises DataError for arrays that do not belong together.
    """
    known = _labelled(path)
    count = known.x.shape[1]
    apart = _every_fifth(count)
    train = known if test else _picked(known, ~apart)
    held_out = _labelled(test) if test else _picked(known, apart)
    if not train.x.shape[1] or not held_out.x.shape[1]:
        detail = f"{count} samples leave none to hold out"
        raise DataError(Diagnostic(str(path), "samples", detail, "give more, or a --test file"))

    aside = _every_fifth(train.x.shape[1])
    aside[VALIDATION * HELD_OUT :] = False
    calibration, kept_out = train.x[:, :CALIBRATION], train
    if aside.any():
        train, kept_out = _picked(train, ~aside), _picked(train, aside)

    def at(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng((seed, step))
        size = train.x.shape[1]
        drawn = _picked(train, rng.choice(size, min(batch, size), replace=False))
        return _tensors(drawn)

    loss = class_loss if known.labels.ndim == 1 else frame_loss
    parts = np.array_split(np.arange(kept_out.x.shape[1]), -(-kept_out.x.shape[1] // batch))
    validation = [_tensors(_picked(kept_out, part)) for part in parts]
    return TuningData(Batches(at, steps), loss, validation, calibration, held_out)


def tune(
    source: nir.NIRGraph | Path,
    data: TuningData,
    *,
    hardware: str,
    options: Options,
    lr: float,
    dt: float | None = None,
    checkpoint: Path | None = None,
    report: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> tuple[FineTuned, Gain]:
    """Goes once through the batches and keeps the weights, the rounded ones among them, that answer
    the validation batches best; raises what `fine_tune` raises."""
    tuned = fine_tune(
        source,
        data.batches,
        data.loss,
        calibration=data.calibration,
        hardware=hardware,
        options=options,
        epochs=1,
        lr=lr,
        dt=dt,
        score=lambda network: _validated(network, data),
        score_every=max(1, len(data.batches) // CHECKS),
        checkpoint=checkpoint,
        report=report,
    )
    compiled = tuned.compiled
    return tuned, Gain(
        real=_right(compiled.real, data.test, "reference"),
        rounded=_right(compiled.program, data.test, "cpu"),
        tuned=_right(tuned.program, data.test, "cpu"),
        answers=int(data.test.labels.size),
        kept=tuned.kept,
    )


def _validated(network: FixedNetwork, data: TuningData) -> float:
    """Right answers of the validation batches, of equally many the smaller loss (0 or more)."""
    right, losses = 0.0, []
    for x, target in data.validation:
        readout = network(x)
        losses.append(float(data.loss(readout, target)))
        labels = np.asarray(target)
        right += labels.size * _share_right(readout.numpy(), labels)
    return right + 0.5 / (1.0 + sum(losses) / len(losses))


def _right(program: Program, test: Labelled, backend: str) -> float:
    x: Inputs = test.x
    readout = pipeline.run(program, x, backend=backend).output
    return _share_right(readout, test.labels)


def _share_right(readout: Array, labels: Array) -> float:
    """Of the read-out (T, B, ...), whose classes are (B,), or 0 and 1 per step (T, B)."""
    if labels.ndim == 1:
        return share_right(labels, readout.reshape(*readout.shape[:2], -1))
    return float(np.mean((readout[..., 0] > 0) == (labels > 0)))


def _every_fifth(count: int) -> Array:
    return np.arange(count) % HELD_OUT == HELD_OUT - 1


def _tensors(known: Labelled) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(known.x), torch.from_numpy(known.labels)


def _labelled(path: Path) -> Labelled:
    arrays = read_arrays(path)
    missing = [key for key in ("input", "labels") if key not in arrays]
    if missing:
        detail = f"has {', '.join(arrays) or 'no arrays'}, and no {' and no '.join(missing)}"
        raise DataError(Diagnostic(str(path), "array", detail))
    x, labels = arrays["input"], arrays["labels"]
    fits = x.ndim >= 3 and labels.shape in (x.shape[1:2], x.shape[:2])
    if not fits or labels.dtype.kind not in "biu":
        detail = f"input is {x.shape}, labels {labels.shape} of {labels.dtype}"
        hint = "input (T, B, ...), labels whole numbers (B,) or (T, B)"
        raise DataError(Diagnostic(str(path), "shape", detail, hint))
    return Labelled(x, labels.astype(np.int64))


def _picked(known: Labelled, which: Array) -> Labelled:
    labels = known.labels[which] if known.labels.ndim == 1 else known.labels[:, which]
    return Labelled(known.x[:, which], labels)
