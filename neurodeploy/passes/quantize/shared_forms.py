"""One form of the membrane error for many neurons: mean decays, no resets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from neurodeploy.ir.program import Neuron, Synapse
from neurodeploy.ir.synapses import correlate
from neurodeploy.passes.quantize.layer import Calibration
from neurodeploy.passes.quantize.membrane_error import CHUNK, PRODUCTS, MembraneError, damped
from neurodeploy.passes.quantize.traces import (
    filtered,
    kept_of,
    samples_of,
    side_by_side,
    stride_of,
)
from neurodeploy.passes.quantize.weights import weight_rows

Array = np.ndarray[Any, np.dtype[Any]]

SHARED = 10  # times what a trace of one neuron costs: those of all sources are kept at once


def shared_forms(
    neuron: Neuron, incoming: tuple[Synapse, ...], calibration: Calibration
) -> Iterator[MembraneError]:
    """One form for all rows; of a kernel, for all rows of a group."""
    kept_u, kept_v = (np.array([kept.mean()]) for kept in kept_of(neuron))
    spikes = calibration.sent[neuron.name]
    sources = sum(prod(calibration.sent[s.source].shape[2:]) for s in incoming)
    samples = samples_of(spikes.shape[:2], sources * SHARED)
    x = side_by_side(incoming, calibration, samples)
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
        gram, _ = damped((seen.T @ seen / len(seen))[None])
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
