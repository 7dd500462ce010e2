"""What is known of a population before it is quantized, and what is said of it after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]
META = "rounding"  # where a Program's meta holds the reports as JSON


@dataclass(frozen=True)
class Calibration:
    """A real run: per port (low, high, binary), per population the peak state.

    sent: what ports and populations sent, `(T, B, *shape)`; membranes: v of populations likewise.
    Both are for comparisons: without them no scale is searched and no disagreement known.
    """

    ports: Mapping[str, tuple[float, float, bool]]
    peaks: Mapping[str, float]
    sent: Mapping[str, Array] = field(default_factory=dict)
    membranes: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerReport:
    """What rounding did to a population.

    scale: integers per real unit of the state; weight_bits, weight_exp: per synapse;
    weight_error: root mean square of the weight error over that of the weights, per synapse;
    cut_weights: weights beyond the mantissas; decay_error: largest |rounded - real| of du and dv;
    rounding of the weights: "nearest", "calibrated" or "tuned";
    threshold_error: relative; headroom: 2^23 over the calibrated peak in integers.
    On the calibration data: predicted, the disagreement of this population alone, fed what the real
    Program sends; measured, that within the fixed Program, behind the errors of all others;
    saturations: updates in which a state left its register.
    Disagreement: share of differing spikes and silences; of a read-out the root mean square of the
    difference of v over that of v. None where no calibration run was kept.
    """

    name: str
    scale: float
    weight_bits: Mapping[str, int]
    weight_exp: Mapping[str, int]
    weight_error: Mapping[str, float]
    cut_weights: int
    decay_error: float
    threshold_error: float
    headroom: float
    predicted: float | None = None
    measured: float | None = None
    saturations: int | None = None
    rounding: str = "nearest"


def with_reports(program: Program, layers: tuple[LayerReport, ...]) -> Program:
    """The Program with what rounding did to it in its meta, so that its file tells."""
    text = json.dumps([asdict(layer) for layer in layers])
    return replace(program, meta={**program.meta, META: text})


def reports_of(program: Program) -> tuple[LayerReport, ...]:
    """What `with_reports` put there; none of a Program that was not rounded here."""
    return tuple(LayerReport(**layer) for layer in json.loads(program.meta.get(META, "[]")))
