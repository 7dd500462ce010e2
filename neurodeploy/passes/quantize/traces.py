"""What each source's messages leave in a membrane: the calibration run through two decays."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from neurodeploy.ir.program import Neuron, Synapse
from neurodeploy.passes.quantize.layer import Calibration

Array = np.ndarray[Any, np.dtype[Any]]

FILTERING = 1e9  # neurons times sources times steps times samples that are filtered
CUTS = {"cuba_lif": 1, "refractory_lif": 2}  # steps from a spike on after which v is 0


def _messages(synapse: Synapse, calibration: Calibration, samples: int) -> Array:
    """What arrives at each step, delayed, `(T, B, *source)`."""
    sent = np.asarray(calibration.sent[synapse.source][:, :samples], dtype=np.float64)
    late = np.zeros_like(sent)
    late[synapse.delay :] = sent[: len(sent) - synapse.delay]
    return late


def samples_of(extent: tuple[int, int], traces: int) -> int:
    """How many samples of `(T, B)` are afforded at so many traces."""
    steps, batch = extent
    return max(1, min(batch, int(FILTERING // (steps * traces))))


def stride_of(extent: tuple[int, ...], afforded: float) -> int:
    """Of `(T, B, ...)` every how manieth step is taken, so that at most `afforded` are left, or
    one of each sample."""
    steps, batch = extent[:2]
    return min(steps, max(1, ceil(steps * batch / max(afforded, 1.0))))


def cuts(model: str, spikes: Array) -> Array | None:
    """Where v is 0 after a step `(T, B, n)`; None for models whose reset leaves it linear."""
    if model not in CUTS:
        return None
    cut = np.array(spikes != 0)
    for late in range(1, CUTS[model]):
        cut[late:] |= spikes[:-late] != 0
    return cut


def filtered(x: Array, kept: tuple[Array, Array], cut: Array | None, stride: int) -> Array:
    """Each message alone through u and v: x `(T, B, K)`, or `(T, B, n, K)` where every neuron gets
    its own, to `(n, rows, K)`, every `stride`th step.

    kept: of u and of v from step to step, `(n,)` each. v is as it is before a reset.
    """
    kept_u, kept_v = (k[:, None] for k in kept)
    steps, batch, columns = len(x), x.shape[1], x.shape[-1]
    u = np.zeros((batch, len(kept_u), columns))
    v = np.zeros_like(u)
    found = np.empty((len(kept_u), steps // stride, batch, columns))
    for t, arriving in enumerate(x if x.ndim == 4 else x[:, :, None]):
        u *= kept_u
        u += arriving
        v *= kept_v
        v += u
        if t % stride == stride - 1:
            found[:, t // stride] = v.swapaxes(0, 1)
        if cut is not None:
            v[cut[t]] = 0.0
    return found.reshape(len(kept_u), -1, columns)


def side_by_side(incoming: tuple[Synapse, ...], calibration: Calibration, samples: int) -> Array:
    """Messages of all sources, `(T, B, K)`."""
    arriving = (_messages(s, calibration, samples) for s in incoming)
    return np.concatenate([x.reshape(*x.shape[:2], -1) for x in arriving], axis=-1)


def kept_of(neuron: Neuron) -> tuple[Array, Array]:
    """What u and v of a real population keep from step to step, `(n,)` each."""
    du, dv = (np.asarray(neuron.params[key], dtype=np.float64) for key in ("du", "dv"))
    u, v = (1.0 - np.broadcast_to(decay, neuron.shape).ravel() for decay in (du, dv))
    return u, v
