"""Lapicque: mem = (1 - time_step / (R C)) mem + time_step / C x; spk = mem > threshold.

This is forward Euler of a LIF with tau = R C and r = R at dt = time_step. forward() uses R, C and
time_step; `beta` only sets them when the layer is built, as C = time_step / (R ln(1 / beta)), so
that the membrane decays by 1 + ln(beta), not by beta. Nothing is clamped. The reset is always
delayed; to zero it loses the next step's input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import snntorch

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.snntorch import checks
from neurodeploy.frontends.snntorch.cells import CELLS, Shape
from neurodeploy.frontends.snntorch.equations import Equation, ResetForm
from neurodeploy.frontends.snntorch.shared_equation import EquationRule, usual_reset
from neurodeploy.frontends.tracer.arrays import to_float64
from neurodeploy.frontends.tracer.neuron_layers import Problem


def reset_form(module: Any) -> ResetForm:
    return usual_reset(module, zero_loses_step=True)


def equation(module: Any, shape: Shape) -> Equation:
    resistance, capacity = checks.full(module.R, shape), checks.full(module.C, shape)
    step = checks.full(module.time_step, shape)
    return Equation(
        decay=1.0 - step / (resistance * capacity),
        gain=resistance * (1.0 / (resistance * capacity)) * step,
        threshold=checks.full(module.threshold, shape),
        reset=reset_form(module),
        graded=checks.graded(module, shape),
    )


def _overshoots(module: Any, where: str, shape: Shape) -> Iterator[Problem]:
    step = to_float64(module.time_step)
    tau = to_float64(module.R) * to_float64(module.C)
    rate = step / tau
    if np.all((rate >= 0) & (rate <= 1)):
        return
    detail = f"time_step {step.max():g} is longer than R C = {tau.min():g}: the membrane overshoots"
    hint = "use a time_step of at most R C (a beta of at least 1/e)"
    yield Problem(Diagnostic(where, "euler-step", detail, hint))


CELLS.register(
    "Lapicque",
    EquationRule(
        kind=snntorch.Lapicque,
        states=("mem",),
        parameters=("R", "C", "time_step", "threshold", "graded_spikes_factor"),
        reset_form=reset_form,
        equation=equation,
        more=_overshoots,
    ),
)
