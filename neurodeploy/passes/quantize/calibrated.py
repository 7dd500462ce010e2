"""Calibrated rounding: integer weights whose errors cancel in the membranes of calibration data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.ir.program import Synapse
from neurodeploy.passes.quantize.membrane_error import MembraneError
from neurodeploy.passes.quantize.nearest_plane import Grid, on_grid
from neurodeploy.passes.quantize.weights import (
    Mantissas,
    flat_weights,
    weight_rows,
    with_values,
)

Array = np.ndarray[Any, np.dtype[Any]]


def calibrated(
    errors: tuple[MembraneError, ...],
    real: tuple[Synapse, ...],
    nearest: Sequence[Synapse],
    units: Mapping[str, float],
    scale: float,
) -> list[Synapse]:
    """The synapses `nearest` with the mantissas of the smallest membrane errors that were found.

    units: what a mantissa of 1 is in real weights, by synapse; scale: integers of the weights per
    real unit of the membrane. Zeros stay zeros.
    """
    found = {s.name: weight_rows(s) for s in nearest}
    bits = {s.name: s.num_weight_bits for s in nearest}
    held = {s.name: Mantissas.of(s.weight_values, bits[s.name]) for s in real}
    there = {s.name: weight_rows(s) != 0 for s in real}
    lost = {s.name: _lost(s.weight_exp, held[s.name].step) / scale for s in nearest}
    for form in errors:
        names, rows = form.synapses, form.rows
        unit = np.concatenate([np.full(found[n].shape[1], units[n]) for n in names])
        grid = Grid(
            step=unit * np.concatenate([np.full(found[n].shape[1], held[n].step) for n in names]),
            low=unit * np.concatenate([held[n].low * there[n][rows] for n in names], axis=1),
            high=unit * np.concatenate([held[n].high * there[n][rows] for n in names], axis=1),
        )
        start = unit * np.concatenate([found[n][rows] for n in names], axis=1)
        best = np.rint(on_grid(form.gram, form.target(lost), grid, start) / unit)
        ends = np.cumsum([found[n].shape[1] for n in names])
        for name, part in zip(names, np.split(best, ends[:-1], axis=1), strict=True):
            found[name][rows] = part
    return [
        replace(s, weights=with_values(s, flat_weights(s, found[s.name]).astype(np.int32)))
        for s in nearest
    ]


def _lost(weight_exp: int, step: int) -> float:
    """What the floor of a sum of multiples of `step` times 2^weight_exp loses on average, if all
    remainders are alike."""
    remainders = 2**-weight_exp if weight_exp < 0 else 1
    return (1 - min(step, remainders) / remainders) / 2
