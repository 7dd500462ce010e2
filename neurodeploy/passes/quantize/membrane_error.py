"""What other weights do to the membranes of a population, given what the real network sent.

With the messages and spikes of the real run, a membrane before the reset of step t is linear:

    V(t) = sum_j w_j P_j(t) + b Q(t)

P_j: the messages of source j through current and voltage of the real neuron, which its own real
spikes reset. F_j and G are the same through the rounded decays. Weights w' are to give V there:

    error(w') = <(sum_j w'_j F_j + b G - V)^2> + damping |w' - w|^2 = (w' - m)^T H (w' - m) + const

so that they also make up for what rounding did to the decays. A reset that subtracts leaves the
membrane linear and is left out. Where a form for each neuron costs too much, and for kernels, whose
weights many neurons share, all rows have one: mean decays, no resets, F = P and so m = w.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import DECAY_UNITY, DU_OFFSET
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.ir.synapses import correlate
from neurodeploy.passes.quantize.layer import Calibration
from neurodeploy.passes.quantize.neurons import rounded_decays
from neurodeploy.passes.quantize.traces import cuts, filtered, messages, samples_of, stride_of
from neurodeploy.passes.quantize.weights import weight_rows

Array = np.ndarray[Any, np.dtype[Any]]

DAMPING = 1e-3  # of the mean of H's diagonal: what calibration data does not tell keeps its weight
PRODUCTS = 2e10  # multiplications that H may take
SHARED = 10  # times what a trace of one neuron costs: those of all sources are kept at once
LEAST_ROWS = 4  # steps per weight, below which no neuron gets a form of its own
SOLVING = 1e9  # weight rows times columns squared
CHUNK = 1e7  # elements of F at a time
LINEAR = (
    "cuba_lif",
    "refractory_lif",
    "soft_lif",
    "soft_lif_membrane",
    "soft_lif_at_once",
    "soft_lif_at_once_membrane",
    "integrator",
)


@dataclass(frozen=True)
class MembraneError:
    """(w' - m)^T H (w' - m) of weight rows: `rows` of each of `synapses`, side by side, real.

    gram: H, `(n, K, K)`, or `(1, K, K)` for all rows; optimum: m, `(n, K)`.
    """

    synapses: tuple[str, ...]
    rows: slice
    gram: Array
    optimum: Array


def why_not(program: Program, name: str) -> str:
    """What keeps a population from calibrated rounding; nothing if that is empty."""
    neuron, incoming = program.neuron(name), program.incoming(name)
    if neuron.model not in LINEAR:
        return f"the membrane of {neuron.model} is not linear in its weights"
    shapes = [(len(s.weights), prod(s.weights.shape[1:])) for s in incoming if s.geometry]
    inputs = [s.weights.shape[1] for s in incoming if not s.geometry]
    for rows, columns in [*shapes, (neuron.size, sum(inputs))]:
        if rows * columns**2 > SOLVING:
            return f"{rows} rows of {columns} weights cost too much"
    return ""


def membrane_errors(
    program: Program, name: str, calibration: Calibration
) -> tuple[MembraneError, ...]:
    """The forms of a population that has no `why_not`; together they hold each weight once."""
    neuron, incoming = program.neuron(name), program.incoming(name)
    if not incoming:
        return ()
    if any(s.geometry for s in incoming):
        return tuple(form for s in incoming for form in _shared(neuron, (s,), calibration))
    columns = sum(s.weights.shape[1] for s in incoming)
    if neuron.size * LEAST_ROWS * columns**3 > PRODUCTS:
        return tuple(_shared(neuron, incoming, calibration))
    return tuple(_of_each(neuron, incoming, calibration))


def _of_each(
    neuron: Neuron, incoming: tuple[Synapse, ...], calibration: Calibration
) -> Iterator[MembraneError]:
    """A form of every neuron's own, chunk by chunk."""
    weights = np.concatenate([weight_rows(s) for s in incoming], axis=1)
    size, columns = weights.shape
    spikes = calibration.sent[neuron.name]
    samples = samples_of(spikes.shape[:2], weights.size)
    spikes = spikes[:, :samples].reshape(len(spikes), samples, -1)
    x = _side_by_side(incoming, calibration, samples)
    stride = stride_of(x.shape, min(PRODUCTS / (size * columns), CHUNK) / columns)
    chunk = max(1, int(CHUNK * stride / x.size))
    real, rounded = _kept(neuron)
    bias = np.broadcast_to(np.asarray(neuron.params["bias"], dtype=np.float64), neuron.shape)
    for first in range(0, size, chunk):
        rows = slice(first, first + chunk)
        cut = cuts(neuron.model, spikes[..., rows])
        ones, now = np.ones((*x.shape[:2], 1)), np.zeros_like(real[0][rows])
        wanted = np.zeros((len(now), 1))
        traces = []
        for sign, kept in ((1.0, real), (-1.0, rounded)):
            found = filtered(x, (kept[0][rows], kept[1][rows]), cut, stride)
            constant = filtered(ones, (now, kept[1][rows]), cut, stride)[..., 0]
            wanted = wanted + sign * bias.ravel()[rows, None] * constant
            traces.append(found)
        wanted = wanted + np.einsum("ntk,nk->nt", traces[0], weights[rows])
        yield _form(incoming, rows, traces[1], wanted, weights[rows])


def _form(
    incoming: tuple[Synapse, ...], rows: slice, traces: Array, wanted: Array, weights: Array
) -> MembraneError:
    """The form of traces F `(n, rows, K)` that are to sum up to `wanted` `(n, rows)`. A weight of
    zero, which is no connection, stays zero."""
    kept = weights != 0
    gram = traces.transpose(0, 2, 1) @ traces / traces.shape[1]
    slope = np.einsum("ntk,nt->nk", traces, wanted) / traces.shape[1]
    gram *= kept[:, :, None] & kept[:, None, :]
    gram, damping = _damped(gram)
    diagonal = np.arange(gram.shape[1])
    gram[:, diagonal, diagonal] += ~kept
    optimum = np.linalg.solve(gram, (slope + damping * weights)[..., None])[..., 0] * kept
    return MembraneError(tuple(s.name for s in incoming), rows, gram, optimum)


def _shared(
    neuron: Neuron, incoming: tuple[Synapse, ...], calibration: Calibration
) -> Iterator[MembraneError]:
    """One form for all rows; of a kernel, for all rows of a group."""
    kept_u, kept_v = (np.array([kept.mean()]) for kept in _kept(neuron)[0])
    spikes = calibration.sent[neuron.name]
    sources = sum(prod(calibration.sent[s.source].shape[2:]) for s in incoming)
    samples = samples_of(spikes.shape[:2], sources * SHARED)
    x = _side_by_side(incoming, calibration, samples)
    weights = np.concatenate([weight_rows(s) for s in incoming], axis=1)
    groups, places = 1, 1
    geometry = incoming[0].geometry
    if geometry is not None:
        groups, places = geometry.groups, prod(neuron.shape[1:])
    columns = weights.shape[1]
    afforded = min(PRODUCTS / (groups * columns), CHUNK) / (places * columns)
    traces = filtered(x, (kept_u, kept_v), None, stride_of(x.shape, afforded))[0]
    names, outputs = tuple(s.name for s in incoming), len(weights) // groups
    for group in range(groups):
        seen = traces if geometry is None else _patches(traces, incoming[0], calibration, group)
        rows = slice(group * outputs, (group + 1) * outputs)
        gram, _ = _damped((seen.T @ seen / len(seen))[None])
        yield MembraneError(names, rows, gram, weights[rows])


def _patches(traces: Array, synapse: Synapse, calibration: Calibration, group: int) -> Array:
    """What each place of a kernel sees of one group: `(steps, C * spatial)` to `(patches, K)`."""
    geometry = synapse.geometry
    assert geometry is not None
    kernel = synapse.weights.shape[1:]
    channels = kernel[0]
    images = traces.reshape(-1, *calibration.sent[synapse.source].shape[2:])
    images = images[:, group * channels : (group + 1) * channels]
    each = np.eye(prod(kernel)).reshape(-1, *kernel)
    seen = correlate(images, each, replace(geometry, groups=1))
    return np.moveaxis(seen, 1, -1).reshape(-1, len(each))


def _side_by_side(incoming: tuple[Synapse, ...], calibration: Calibration, samples: int) -> Array:
    """Messages of all sources, `(T, B, K)`."""
    arriving = (messages(s, calibration, samples) for s in incoming)
    return np.concatenate([x.reshape(*x.shape[:2], -1) for x in arriving], axis=-1)


def _kept(neuron: Neuron) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """What u and v keep from step to step, `(n,)` each: real, and with rounded decays."""
    du, dv = rounded_decays(neuron)
    rounded = ((du + DU_OFFSET) / DECAY_UNITY, dv / DECAY_UNITY)
    real = (neuron.params["du"], neuron.params["dv"])

    def kept(decays: tuple[Any, Any]) -> tuple[Array, Array]:
        u, v = (1.0 - np.broadcast_to(np.asarray(d), neuron.shape).ravel() for d in decays)
        return u, v

    return kept(real), kept(rounded)


def _damped(gram: Array) -> tuple[Array, Array]:
    """H with a share of its mean diagonal added to it, and that share `(n, 1)`."""
    mean = gram.trace(axis1=1, axis2=2) / gram.shape[1]
    damping = np.where(mean > 0, DAMPING * mean, 1.0)
    return gram + damping[:, None, None] * np.eye(gram.shape[1]), damping[:, None]
