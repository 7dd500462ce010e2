"""Quality of a network's output, in shares, from labels that lie beside the input.

Labels `(B,)` are classes: `accuracy` of the largest output, summed over time (`sum`), at its
largest (`max`) or in the last step (`last`). Labels `(T, B)` of 0 and 1 are decisions of every
step: `AUC`, the area under the ROC curve of the first output.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from neurodeploy.bench.metrics import roc_auc
from neurodeploy.errors import ConfigError, DataError, Diagnostic

Array = np.ndarray[Any, np.dtype[Any]]
DECISIONS: Final = ("sum", "max", "last")


def scores(labels: Array, output: Array, decision: str = "sum") -> dict[str, float]:
    """Metrics of output `(T, B, *shape)`; DataError for labels that do not fit it."""
    if decision not in DECISIONS:
        detail = f"{decision!r} is none of {', '.join(DECISIONS)}"
        raise ConfigError(Diagnostic("--decide", "choice", detail))
    steps, batch = output.shape[:2]
    flat = np.asarray(output, dtype=np.float64).reshape(steps, batch, -1)
    if labels.shape == (batch,) and flat.shape[2] > 1:
        _require_classes(labels, flat.shape[2])
        value = {"sum": flat.sum(axis=0), "max": flat.max(axis=0), "last": flat[-1]}[decision]
        return {"accuracy": float(np.mean(value.argmax(axis=-1) == labels))}
    if labels.shape == (steps, batch) and np.isin(labels, (0, 1)).all():
        return {"AUC": roc_auc(labels, flat[..., 0])}
    detail = f"labels {labels.shape} for output (T, B, C) = {flat.shape}"
    hint = "classes (B,), or 0 and 1 of every step (T, B); not (B, T)"
    raise DataError(Diagnostic("labels", "shape", detail, hint))


def _require_classes(labels: Array, classes: int) -> None:
    wrong = ~np.isin(labels, np.arange(classes))
    if wrong.any():
        detail = f"{labels[wrong][0]} at {int(wrong.argmax())} is none of the classes"
        raise DataError(Diagnostic("labels", "class", detail, f"whole numbers, 0 to {classes - 1}"))
