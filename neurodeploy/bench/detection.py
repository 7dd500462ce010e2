"""Detectors on one and the same set of mixtures: ROC area and accuracy of each, in one table.

Thresholds are chosen on the validation set (highest accuracy there) and used unchanged on the test
set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurodeploy.bench.metrics import accuracy, best_threshold, roc_auc
from neurodeploy.zoo.data.vad_sets import SETS, VadData, vad_data

Scores = npt.NDArray[np.float64]
ScoreFunction = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]


@dataclass(frozen=True)
class DetectionResult:
    """One row of the table."""

    auc: float  # area under the frame ROC curve, test set
    accuracy: float  # share of frames right, test set, at `threshold`
    threshold: float  # chosen on the validation set
    frames: int  # scored frames of the test set


def detection_result(
    val_labels: npt.NDArray[np.bool_],
    val_scores: npt.NDArray[Any],
    test_labels: npt.NDArray[np.bool_],
    test_scores: npt.NDArray[Any],
) -> DetectionResult:
    """Labels and scores (T, B) of both sets -> the row; DataError for unequal shapes or NaN."""
    threshold = best_threshold(val_labels, val_scores)
    return DetectionResult(
        auc=roc_auc(test_labels, test_scores),
        accuracy=accuracy(test_labels, test_scores, threshold),
        threshold=threshold,
        frames=int(np.size(test_labels)),
    )


def load_vad_sets(corpus: Path) -> tuple[VadData, VadData]:
    """Validation and test set (features x (T, B, n_mels), labels (T, B)), kept in the corpus."""
    val, test = (
        vad_data(corpus, SETS[name], cache=corpus / "features" / f"vad_{name}.npz")
        for name in ("val", "test")
    )
    return val, test


def evaluate_test_set(
    score: ScoreFunction,
    val: VadData,
    test: VadData,
    *,
    mixtures: int | None = None,
) -> DetectionResult:
    """Score a detector that takes features (T, B, n_mels) and gives scores (T, B) or (T, B, 1).

    `mixtures` scores only that many mixtures from the beginning of each set, for slow simulators;
    `frames` of the result tells.
    """
    rows = []
    for data in (val, test):
        x, labels = data.x[:, :mixtures], data.labels[:, :mixtures]
        rows += [labels, np.asarray(score(x)).reshape(labels.shape)]
    return detection_result(*rows)


def baseline_results(corpus: Path, val: VadData, test: VadData) -> dict[str, DetectionResult]:
    """Energy threshold, linear model (one frame; and with 10 frames before it), silero-vad."""
    from neurodeploy.zoo.data.vad_sets import render_set
    from neurodeploy.zoo.models.energy_vad import energy_scores
    from neurodeploy.zoo.models.linear_vad import fit_linear_vad
    from neurodeploy.zoo.models.silero_vad import silero_scores

    results: dict[str, DetectionResult] = {}
    audio = {name: [m.audio for m in render_set(corpus, SETS[name])] for name in ("val", "test")}
    for name, listen in (("energy threshold", energy_scores), ("silero-vad", silero_scores)):
        heard = {which: listen(tracks) for which, tracks in audio.items()}
        results[name] = detection_result(val.labels, heard["val"], test.labels, heard["test"])
    train = vad_data(corpus, SETS["train"], cache=corpus / "features" / "vad_train.npz")
    for name, context, every in (("linear", 1, 5), ("linear, 11 frames", 11, 16)):
        linear = fit_linear_vad(train.x[:, ::every], train.labels[:, ::every], context=context)
        results[name] = evaluate_test_set(linear.scores, val, test)
    return results


def detection_table(corpus: Path, networks: dict[str, Path]) -> dict[str, Any]:
    """Networks (variant -> weights file) and baselines on the test set, ready for JSON."""
    from neurodeploy.zoo.train.scores import torch_score

    val, test = load_vad_sets(corpus)
    rows = {
        f"{name} (torch)": evaluate_test_set(torch_score(name, file), val, test)
        for name, file in networks.items()
    }
    rows |= baseline_results(corpus, val, test)
    return {
        "test_set": asdict(SETS["test"]) | {"sha256": test.digest},
        "threshold": "highest accuracy on the validation set",
        "rows": {name: asdict(row) for name, row in rows.items()},
    }
