"""Synaptic: syn = alpha syn + x; mem = beta mem + syn; spk = mem > threshold.

A delayed reset to zero sets mem to 0 in the next step after it has integrated: that step's current
does not reach it. The current itself is never reset.
"""

from __future__ import annotations

from typing import Any

import snntorch

from neurodeploy.frontends.snntorch import checks
from neurodeploy.frontends.snntorch.cells import CELLS, Shape
from neurodeploy.frontends.snntorch.equations import Equation, ResetForm
from neurodeploy.frontends.snntorch.shared_equation import EquationRule, usual_reset


def reset_form(module: Any) -> ResetForm:
    return usual_reset(module, zero_loses_step=True)


def equation(module: Any, shape: Shape) -> Equation:
    return Equation(
        decay=checks.decay(module.beta, shape),
        syn_decay=checks.decay(module.alpha, shape),
        threshold=checks.full(module.threshold, shape),
        reset=reset_form(module),
        graded=checks.graded(module, shape),
    )


CELLS.register(
    "Synaptic",
    EquationRule(
        kind=snntorch.Synaptic,
        states=("syn", "mem"),
        parameters=("alpha", "beta", "threshold", "graded_spikes_factor"),
        reset_form=reset_form,
        equation=equation,
    ),
)
