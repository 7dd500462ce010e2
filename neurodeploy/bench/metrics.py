"""Quality of a detector's scores: exact ROC area, accuracy, and the threshold to use.

Plain numpy, no approximation by a grid of thresholds; ties are handled as scikit-learn does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurodeploy.errors import DataError, Diagnostic

Scores = npt.NDArray[Any]  # any shape, higher means more likely positive
Labels = npt.NDArray[Any]  # same shape, boolean or 0/1


def _checked(
    labels: Labels, scores: Scores, *, both: bool
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    y, s = np.asarray(labels).ravel(), np.asarray(scores, dtype=np.float64).ravel()
    problems = []
    if np.shape(labels) != np.shape(scores):
        detail = f"labels {np.shape(labels)}, scores {np.shape(scores)}"
        problems.append(Diagnostic("metrics", "shape-mismatch", detail))
    if y.size == 0:
        problems.append(Diagnostic("metrics", "empty", "no frames to score"))
    if not np.isfinite(s).all():
        problems.append(Diagnostic("metrics", "scores-not-finite", "NaN or infinite scores"))
    if not np.isin(y, (0, 1)).all():
        problems.append(Diagnostic("metrics", "labels-not-binary", "labels must be 0 or 1"))
    elif both and y.size and (y.all() or not y.any()):
        detail = "the labels hold one class only, the ROC area needs both"
        problems.append(Diagnostic("metrics", "one-class", detail))
    if problems:
        raise DataError(problems)
    return y.astype(np.bool_), s


def roc_auc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve: P(score of a positive > score of a negative) + P(equal) / 2.

    Computed from mean ranks (Mann-Whitney U). Raises DataError for unequal shapes, NaN or labels
    of one class.
    """
    y, s = _checked(labels, scores, both=True)
    _, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean_rank = ends - (counts - 1) / 2.0  # ranks from 1; tied scores share their mean
    positives = int(y.sum())
    negatives = y.size - positives
    rank_sum = float(mean_rank[inverse.ravel()][y].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)


def accuracy(labels: Labels, scores: Scores, threshold: float) -> float:
    """Share of frames where (score > threshold) equals the label."""
    y, s = _checked(labels, scores, both=False)
    return float(((s > threshold) == y).mean())


def best_threshold(labels: Labels, scores: Scores) -> float:
    """The threshold with the highest accuracy on these frames, to be used on others.

    All cuts between distinct scores, below the lowest and above the highest are compared; among
    equals the lowest wins. Choose it on the validation set, never on the test set.
    """
    y, s = _checked(labels, scores, both=False)
    order = np.argsort(s, kind="stable")
    y, s = y[order], s[order]
    # cut k calls the k lowest scores negative: right are the negatives below and positives above
    right = (
        np.concatenate([[0], np.cumsum(~y)]) + int(y.sum()) - np.concatenate([[0], np.cumsum(y)])
    )
    allowed = np.concatenate([[True], s[1:] > s[:-1], [True]])
    k = int(np.flatnonzero(allowed)[np.argmax(right[allowed])])
    if k == 0:
        return float(np.nextafter(s[0], -np.inf))
    return float(s[k - 1])  # "score > threshold": the cut lies just above the k-th lowest score
