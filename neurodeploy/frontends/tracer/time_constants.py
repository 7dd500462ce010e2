"""Decay factors per step to NIR's time constants, so that forward Euler gives the factor back."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

# 1 - 2^-60 is 1 in float64: a membrane among leaky ones that does not leak. 2^60 is a power of two,
# so that the gain r dt / tau is exactly 1.
NO_LEAK_TAU_STEPS: Final = 2.0**60
_NEIGHBOURS: Final = np.arange(-3, 4)


def leaky(decay: Array, dt: float) -> tuple[Array, Array]:
    """(tau, r): tau = dt / (1 - decay) and r = tau / dt, element by element.

    Among the float64 neighbours of both the pair is chosen for which 1 - dt / tau is the decay and
    r dt / tau is 1, or as near as float64 comes.
    """
    unique, where = np.unique(decay, return_inverse=True)
    tau, r = np.empty_like(unique), np.empty_like(unique)
    for i, factor in enumerate(unique):
        tau[i], r[i] = _leaky_scalar(float(factor), dt)
    return tau[where].reshape(decay.shape), r[where].reshape(decay.shape)


def _leaky_scalar(decay: float, dt: float) -> tuple[float, float]:
    if decay == 1.0:
        return dt * NO_LEAK_TAU_STEPS, NO_LEAK_TAU_STEPS
    taus = _neighbours(dt / (1.0 - decay))[:, None]
    gains = _neighbours(1.0 / (1.0 - decay))[None, :]
    rate = dt / taus
    wrong_decay = np.abs((1.0 - rate) - decay)
    wrong_gain = np.abs(gains * rate - 1.0) + np.abs(gains * dt / taus - 1.0)
    # a decay is applied in every step, a gain once
    cost = 8.0 * wrong_decay + wrong_gain
    row, column = np.unravel_index(int(np.argmin(cost)), cost.shape)
    return float(taus[row, 0]), float(gains[0, column])


def integrating(shape: tuple[int, ...], dt: float) -> Array:
    """r = 1 / dt of an integrator without leak, the neighbour for which r dt is 1."""
    candidates = _neighbours(1.0 / dt)
    best = candidates[int(np.argmin(np.abs(candidates * dt - 1.0)))]
    return np.full(shape, best)


def _neighbours(value: float) -> Array:
    return np.asarray(value + _NEIGHBOURS * np.spacing(value), dtype=np.float64)
