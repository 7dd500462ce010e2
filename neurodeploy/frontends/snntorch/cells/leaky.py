"""Leaky: mem = beta mem + x; spk = mem > threshold.

A delayed reset to zero multiplies the membrane before it integrates, so that the step after a spike
keeps its input, as a LIF's does.
"""

from __future__ import annotations

from typing import Any

import snntorch

from neurodeploy.frontends.snntorch import checks
from neurodeploy.frontends.snntorch.cells import CELLS, Shape
from neurodeploy.frontends.snntorch.equations import Equation, ResetForm
from neurodeploy.frontends.snntorch.shared_equation import EquationRule, usual_reset


def reset_form(module: Any) -> ResetForm:
    return usual_reset(module, zero_loses_step=False)


def equation(module: Any, shape: Shape) -> Equation:
    return Equation(
        decay=checks.decay(module.beta, shape),
        threshold=checks.full(module.threshold, shape),
        reset=reset_form(module),
        graded=checks.graded(module, shape),
    )


def _resets_a_membrane_at_rest(module: Any) -> bool:
    """A negative threshold resets 0 to 0 in the first step, unless it is done right after."""
    return reset_form(module) == "zero" and bool(module.reset_delay)


CELLS.register(
    "Leaky",
    EquationRule(
        kind=snntorch.Leaky,
        states=("mem",),
        parameters=("beta", "threshold", "graded_spikes_factor"),
        reset_form=reset_form,
        equation=equation,
        takes_negative_threshold=_resets_a_membrane_at_rest,
    ),
)
