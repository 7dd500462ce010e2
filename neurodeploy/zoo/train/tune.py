"""Fine-tuning through the chip's integers: on which data, and what it gained."""

from __future__ import annotations

from collections.abc import Callable
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
from neurodeploy.zoo.fine_tuning import FineTuned, fine_tune
from neurodeploy.zoo.train.batches import Batches, Loss, class_loss, frame_loss, recipe_batches

Array = np.ndarray[Any, np.dtype[Any]]
NAMES = (*DETECTORS, *DATA_SETS)
HELD_OUT = 5  # every fifth sample, where no test set is given
CALIBRATION = 64  # samples


@dataclass(frozen=True)
class TuningData:
    """Batches and their loss; calibration input; test: what the gain is measured on."""

    batches: Batches
    loss: Loss
    calibration: Array
    test: Labelled


@dataclass(frozen=True)
class Gain:
    """Shares of right answers on `answers` of the test set: the real network, the compiled one, and
    the compiled one after fine-tuning."""

    real: float
    rounded: float
    tuned: float
    answers: int


def recipe_data(name: str, corpus: Path, steps: int) -> TuningData:
    """Of a network of the zoo: `steps` batches of its own recipe, and its test set."""
    sets = evaluation_sets(name, corpus)
    return TuningData(*recipe_batches(name, corpus, steps), sets.calibration, sets.test)


def labelled_data(
    path: Path, steps: int, *, batch: int, test: Path | None = None, seed: int = 0
) -> TuningData:
    """Of an `.npz`: `input` (T, B, *shape) and `labels`, classes (B,) or 0 and 1 per step (T, B).

    Each batch is drawn without putting back. Without a `test` file every fifth sample is held out.
    Raises DataError for arrays that do not belong together.
    """
    known = _labelled(path)
    count = known.x.shape[1]
    apart = np.arange(count) % HELD_OUT == HELD_OUT - 1
    train = known if test else _picked(known, ~apart)
    held_out = _labelled(test) if test else _picked(known, apart)
    if not train.x.shape[1] or not held_out.x.shape[1]:
        detail = f"{count} samples leave none to hold out"
        raise DataError(Diagnostic(str(path), "samples", detail, "give more, or a --test file"))

    def at(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng((seed, step))
        size = train.x.shape[1]
        drawn = _picked(train, rng.choice(size, min(batch, size), replace=False))
        return torch.from_numpy(drawn.x), torch.from_numpy(drawn.labels)

    loss = class_loss if known.labels.ndim == 1 else frame_loss
    return TuningData(Batches(at, steps), loss, train.x[:, :CALIBRATION], held_out)


def tune(
    source: nir.NIRGraph | Path,
    data: TuningData,
    *,
    hardware: str,
    options: Options,
    lr: float,
    dt: float | None = None,
    report: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> tuple[FineTuned, Gain]:
    """Goes once through the batches; raises what `fine_tune` raises."""
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
        report=report,
    )
    compiled = tuned.compiled
    return tuned, Gain(
        real=_right(compiled.real, data.test, "reference"),
        rounded=_right(compiled.program, data.test, "cpu"),
        tuned=_right(tuned.program, data.test, "cpu"),
        answers=int(data.test.labels.size),
    )


def _right(program: Program, test: Labelled, backend: str) -> float:
    x: Inputs = test.x
    readout = pipeline.run(program, x, backend=backend).output
    if test.labels.ndim == 1:
        return share_right(test.labels, readout.reshape(*readout.shape[:2], -1))
    return float(np.mean((readout[..., 0] > 0) == (test.labels > 0)))


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
