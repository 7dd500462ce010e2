from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, roc_auc_score

from neurodeploy.bench.detection import detection_result
from neurodeploy.bench.metrics import accuracy, best_threshold, roc_auc
from neurodeploy.errors import DataError


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([2, 5, 10**9]))
def test_roc_auc_equals_scikit_learn_with_and_without_ties(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, 2, 80)])
    scores = rng.integers(0, levels, labels.size) + labels * rng.integers(0, 2)
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([1, 3, 1000]))
def test_best_threshold_is_the_best_of_all_cuts(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 40), rng.integers(0, levels, 40).astype(float)
    cuts = np.concatenate([[-1.0], np.unique(scores)])
    best = max(accuracy_score(labels, scores > cut) for cut in cuts)
    assert accuracy(labels, scores, best_threshold(labels, scores)) == pytest.approx(best)


@pytest.mark.parametrize(
    ("labels", "scores", "rule"),
    [
        ([0, 1], [0.0, np.nan], "scores-not-finite"),
        ([0, 1, 1], [0.0, 1.0], "shape-mismatch"),
        ([1, 1], [0.0, 1.0], "one-class"),
        ([0, 2], [0.0, 1.0], "labels-not-binary"),
        ([], [], "empty"),
    ],
)
def test_unusable_scores_are_refused(labels: list[int], scores: list[float], rule: str) -> None:
    with pytest.raises(DataError) as error:
        roc_auc(np.array(labels), np.array(scores))
    assert rule in {d.rule for d in error.value.diagnostics}


def test_threshold_comes_from_validation_and_not_from_test() -> None:
    val_labels, val_scores = np.array([[0, 0, 1, 1]]), np.array([[0.0, 1.0, 2.0, 3.0]])
    test_labels, test_scores = np.array([[0, 1, 1, 1]]), np.array([[0.0, 0.5, 2.0, 3.0]])
    row = detection_result(
        val_labels.astype(bool), val_scores, test_labels.astype(bool), test_scores
    )
    assert row.threshold == 1.0
    assert row.accuracy == 0.75
    assert row.auc == 1.0
    assert row.frames == 4
