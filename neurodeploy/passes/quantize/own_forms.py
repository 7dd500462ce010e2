"""Forms of the membrane error, one for each neuron: its own decays, resets and threshold."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import DECAY_UNITY, DU_OFFSET
from neurodeploy.ir.program import Neuron, Synapse
from neurodeploy.passes.quantize.layer import Calibration
from neurodeploy.passes.quantize.membrane_error import CHUNK, PRODUCTS, MembraneError, damped
from neurodeploy.passes.quantize.neurons import rounded_decays
from neurodeploy.passes.quantize.traces import (
    CUTS,
    cuts,
    filtered,
    kept_of,
    samples_of,
    side_by_side,
    stride_of,
)
from neurodeploy.passes.quantize.weights import weight_rows

Array = np.ndarray[Any, np.dtype[Any]]

NEAR = 2.0  # thresholds away from its own, a membrane counts 1/e


def own_forms(
    neuron: Neuron, incoming: tuple[Synapse, ...], calibration: Calibration
) -> MembraneError:
    """A form of every neuron's own, of all synapses that lead to it, side by side."""
    weights = np.concatenate([weight_rows(s) for s in incoming], axis=1)
    size, columns = weights.shape
    spikes = calibration.sent[neuron.name]
    samples = samples_of(spikes.shape[:2], weights.size)
    spikes = spikes[:, :samples].reshape(len(spikes), samples, -1)
    x = side_by_side(incoming, calibration, samples)
    stride = stride_of(x.shape, min(PRODUCTS / (size * columns), CHUNK) / columns)
    chunk = max(1, int(CHUNK * stride / x.size))
    real, rounded = kept_of(neuron), kept_of(_with_rounded_decays(neuron))
    bias = np.broadcast_to(np.asarray(neuron.params["bias"], np.float64), neuron.shape).ravel()
    arriving = np.stack([(x[..., c] != 0).any(axis=-1) for c in _columns(incoming)], axis=-1)
    found = []
    for first in range(0, size, chunk):
        rows = slice(first, first + chunk)
        cut = cuts(neuron.model, spikes[..., rows])
        membrane = _Membrane(real, rows, cut, stride)
        then = _Membrane(rounded, rows, cut, stride)
        v = membrane.of((x @ weights[rows].T)[..., None])[..., 0]
        v += bias[rows, None] * membrane.of_bias(x.shape)
        root = _concern(neuron, rows, v)
        traces, losses = (then.of(each) * root for each in (x, arriving.astype(np.float64)))
        wanted = (v - bias[rows, None] * then.of_bias(x.shape)) * root[..., 0]
        found.append(_form(traces, losses, wanted, weights[rows]))
    gram, optimum, made_up = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return MembraneError(tuple(s.name for s in incoming), slice(size), gram, optimum, made_up)


def _concern(neuron: Neuron, rows: slice, v: Array) -> Array:
    """The root of what each step counts, `(n, rows, 1)`: exp(-|V - vth| / (NEAR vth)), as errors
    near the threshold move spikes. All alike where V leaves out resets, or nothing spikes."""
    if neuron.model not in CUTS:
        return np.ones((*v.shape, 1))
    vth = np.broadcast_to(neuron.params["vth"], neuron.shape).ravel()[rows, None]
    away = np.abs(v - vth) / np.where(vth > 0, vth, 1.0)
    return np.exp(-away / (2 * NEAR))[..., None]


@dataclass(frozen=True)
class _Membrane:
    """u and v of some neurons with these decays, cut at their spikes."""

    kept: tuple[Array, Array]
    rows: slice
    cut: Array | None
    stride: int

    def of(self, x: Array) -> Array:
        """What arrives, `(T, B, K)` or `(T, B, n, K)`, each alone, `(n, rows, K)`."""
        kept_u, kept_v = (k[self.rows] for k in self.kept)
        return filtered(x, (kept_u, kept_v), self.cut, self.stride)

    def of_bias(self, extent: tuple[int, ...]) -> Array:
        """One real unit in v at each step, `(n, rows)`."""
        kept_v = self.kept[1][self.rows]
        kept = np.zeros_like(kept_v), kept_v
        return filtered(np.ones((*extent[:2], 1)), kept, self.cut, self.stride)[..., 0]


def _form(
    traces: Array, losses: Array, wanted: Array, weights: Array
) -> tuple[Array, Array, Array]:
    """H, m and what it has to rise by, of traces F `(n, rows, K)` that are to sum up to `wanted`
    `(n, rows)`; losses: the traces of what the synapses lose. A weight of zero, which is no
    connection, stays zero."""
    kept = weights != 0
    turned = traces.transpose(0, 2, 1) / traces.shape[1]
    gram = (turned @ traces) * (kept[:, :, None] & kept[:, None, :])
    gram, damping = damped(gram)
    diagonal = np.arange(gram.shape[1])
    gram[:, diagonal, diagonal] += ~kept
    aims = np.concatenate([wanted[..., None], losses], axis=-1)
    slopes = turned @ aims
    slopes[..., 0] += damping * weights
    solved = np.linalg.solve(gram, slopes) * kept[..., None]
    return gram, solved[..., 0], solved[..., 1:]


def _columns(incoming: tuple[Synapse, ...]) -> list[slice]:
    """Of the sources, side by side."""
    ends = np.cumsum([0, *(s.weights.shape[1] for s in incoming)])
    return [slice(first, last) for first, last in itertools.pairwise(ends)]


def _with_rounded_decays(neuron: Neuron) -> Neuron:
    du, dv = rounded_decays(neuron)
    decays = {"du": (du + DU_OFFSET) / DECAY_UNITY, "dv": dv / DECAY_UNITY}
    return replace(neuron, params={**neuron.params, **decays})
