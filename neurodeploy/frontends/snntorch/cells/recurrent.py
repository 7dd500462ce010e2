"""RLeaky and RSynaptic: Leaky and Synaptic whose input is x + recurrent(spk of the step before).

The recurrent layer acts in the first step too: on zeros it gives its bias. In NIR a recurrent edge
has nothing to deliver then, so that the bias stands at the node that receives it, as its v_leak.
What recurs are the graded spikes. A delayed reset to zero loses the next step's input.

RSynaptic with reset_delay=False does not work in snnTorch 1.0.0: its forward() reads and writes the
arguments `spk` and `mem` where it should its own, raises TypeError where they are not given, and
otherwise does what it does with reset_delay=True.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nir
import numpy as np
import snntorch
from torch import nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.snntorch import checks
from neurodeploy.frontends.snntorch.cells import CELLS, Shape
from neurodeploy.frontends.snntorch.equations import Equation, Feedback, ResetForm
from neurodeploy.frontends.snntorch.shared_equation import EquationRule, usual_reset
from neurodeploy.frontends.tracer import layers
from neurodeploy.frontends.tracer.arrays import to_float64
from neurodeploy.frontends.tracer.neuron_layers import Problem

_ONE_TO_ONE = "RecurrentOneToOne"


def reset_form(module: Any) -> ResetForm:
    return usual_reset(module, zero_loses_step=True)


def equation(module: Any, shape: Shape) -> Equation:
    has_current = isinstance(module, snntorch.RSynaptic)
    return Equation(
        decay=checks.decay(module.beta, shape),
        syn_decay=checks.decay(module.alpha, shape) if has_current else None,
        threshold=checks.full(module.threshold, shape),
        reset=reset_form(module),
        graded=checks.graded(module, shape),
        feedback=feedback(module.recurrent, shape),
    )


def feedback(recurrent: Any, shape: Shape) -> Feedback:
    """The recurrent layer as a node without bias, and its bias per neuron."""
    if type(recurrent).__name__ == _ONE_TO_ONE:
        return Feedback(nir.Scale(scale=checks.full(recurrent.V, shape)))
    rule = layers.rule_for(recurrent)
    assert rule is not None
    node: Any = rule.to_node([recurrent], shape, shape)
    if isinstance(node, nir.Affine):
        return Feedback(nir.Linear(weight=node.weight), to_float64(recurrent.bias))
    if isinstance(node, nir.Linear):
        return Feedback(node)
    bias = np.broadcast_to(to_float64(node.bias).reshape(-1, 1, 1), shape)
    node.bias = np.zeros_like(node.bias)
    mistyped = tuple(node.output_type["output"]) != shape
    node.output_type = {"output": np.array(shape)}
    return Feedback(node, np.array(bias), mistyped)


def _recurrent_layer(module: Any, where: str, shape: Shape) -> Iterator[Problem]:
    recurrent = module.recurrent
    place = f"{where}.recurrent"
    if type(recurrent).__name__ == _ONE_TO_ONE:
        yield from checks.shapes(recurrent, ("V",), place, shape)
        if not np.isfinite(to_float64(recurrent.V)).all():
            yield Problem(Diagnostic(place, "finite", "V is NaN or infinite", "retrain"))
    elif not isinstance(recurrent, nn.Linear | nn.Conv2d):
        detail = f"the recurrent layer is a {type(recurrent).__name__}"
        yield Problem(Diagnostic(place, "recurrent-layer", detail, "use a Linear or Conv2d"))
    else:
        yield from (Problem(d) for d in layers.check(recurrent, place, shape))


def _always_delayed(module: Any, where: str, shape: Shape) -> Iterator[Problem]:
    yield from _recurrent_layer(module, where, shape)
    if not module.reset_delay:
        yield Problem(immediate_reset(where))


def immediate_reset(where: str) -> Diagnostic:
    """Why a RSynaptic with reset_delay=False can't be exported: snnTorch does not do it."""
    detail = (
        "snnTorch 1.0.0's RSynaptic raises TypeError with reset_delay=False, or ignores it where "
        "forward() is given the states"
    )
    return Diagnostic(where, "immediate-reset", detail, "set reset_delay=True and retrain")


CELLS.register(
    "RLeaky",
    EquationRule(
        kind=snntorch.RLeaky,
        states=("spk", "mem"),
        parameters=("beta", "threshold", "graded_spikes_factor"),
        reset_form=reset_form,
        equation=equation,
        more=_recurrent_layer,
    ),
)
CELLS.register(
    "RSynaptic",
    EquationRule(
        kind=snntorch.RSynaptic,
        states=("spk", "syn", "mem"),
        parameters=("alpha", "beta", "threshold", "graded_spikes_factor"),
        reset_form=reset_form,
        equation=equation,
        more=_always_delayed,
    ),
)
