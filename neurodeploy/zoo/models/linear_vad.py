"""Baseline: logistic regression on the very features that the spiking network gets.

    score = w . x + b

With `context` = 1 it sees one frame, as the network does in one step; with more, that many frames
up to the present, which the network has to remember by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurodeploy.zoo.audio.logmel import Features


@dataclass(frozen=True)
class LinearVad:
    """Fitted weights (context * n_mels,), oldest frame first, and the bias."""

    weights: npt.NDArray[np.float64]
    bias: float
    context: int

    def scores(self, x: Features) -> npt.NDArray[np.float64]:
        """(T, B, n_mels) features -> log odds of speech, (T, B)."""
        return np.asarray(with_context(x, self.context) @ self.weights + self.bias)


def with_context(x: Features, context: int) -> npt.NDArray[np.float32]:
    """(T, B, n_mels) -> each frame after its predecessors, (T, B, context * n_mels)."""
    silence = np.zeros((context - 1, *x.shape[1:]), dtype=x.dtype)
    padded = np.concatenate([silence, x])
    return np.concatenate([padded[k : k + len(x)] for k in range(context)], axis=-1)


def fit_linear_vad(
    x: Features, labels: npt.NDArray[np.bool_], *, context: int = 1, ridge: float = 1.0
) -> LinearVad:
    """Maximum likelihood by Newton's method (IRLS) with a ridge on the weights, not on the bias.

    x (T, B, n_mels), labels (T, B). Stops when no weight moves by more than 1e-6.
    """
    a = with_context(x, context).reshape(-1, context * x.shape[-1]).astype(np.float64)
    a = np.concatenate([a, np.ones((len(a), 1))], axis=1)
    y = labels.reshape(-1).astype(np.float64)
    penalty = np.full(a.shape[1], ridge)
    penalty[-1] = 0.0
    w = np.zeros(a.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-np.clip(a @ w, -30.0, 30.0)))
        gradient = a.T @ (p - y) + penalty * w
        hessian = (a * (p * (1.0 - p))[:, None]).T @ a + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        w -= step
        if np.abs(step).max() < 1e-6:
            break
    return LinearVad(w[:-1], float(w[-1]), context)
