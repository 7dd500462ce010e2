"""What a Norse layer does that NIR cannot say, found on the module before it is exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from norse.torch.functional.reset import reset_subtract, reset_value
from norse.torch.functional.threshold import threshold

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.norse.kinds import KINDS
from neurodeploy.frontends.norse.parameters import Shape, neuron_shape, rate
from neurodeploy.frontends.tracer.arrays import to_float64
from neurodeploy.frontends.tracer.neuron_layers import Problem

# dt tau_inv up to here counts as 1: float32 holds 1 / tau to 6e-8
_FULL_STEP = 1.0 + 1e-6


def problems(module: Any, where: str, input_shape: Shape, dt: float | None) -> list[Problem]:
    """Everything that keeps a layer that gets `input_shape` from being exact in NIR at `dt`."""
    kind = KINDS[type(module)]
    if kind.weighted and len(input_shape) != 1:
        detail = f"its weights act on the last axis of {input_shape}; NIR's Linear takes a vector"
        return [Problem(Diagnostic(where, "linear-axes", detail, "put a Flatten before it"))]
    shape = neuron_shape(module, input_shape)
    found = [*_values(module, where, shape), *_function(module, where)]
    if not found:
        found = [*_rates(module, where, shape), *_step(module, where, dt)]
    return found


def unreadable(module: Any, port: str, where: str) -> Diagnostic | None:
    """Why the graph can't give this state; None if it can."""
    if port == "i":
        detail = "its synaptic current is read; NIR's neurons only give spikes or a membrane"
        return Diagnostic(where, "reads-current", detail, "return what the layer sends on")
    if port == "v":
        detail = "the membrane of a neuron that spikes is read"
        hint = "return the spikes, or use LICell or LIBoxCell for a read-out"
        return Diagnostic(where, "reads-membrane", detail, hint)
    return None


def _values(module: Any, where: str, shape: Shape) -> Iterator[Problem]:
    for name in KINDS[type(module)].parameters:
        given = to_float64(getattr(module.p, name))
        try:
            np.broadcast_to(given, (1, *shape))
        except ValueError:
            detail = f"{name} of shape {given.shape} does not fit neurons of shape {shape}"
            yield Problem(Diagnostic(where, f"{name}-shape", detail, "one value, or one a neuron"))
        if not np.isfinite(given).all():
            detail = f"{name} is NaN or infinite"
            yield Problem(Diagnostic(where, "finite", detail, "retrain, or load other values"))

    for name in KINDS[type(module)].weights:
        if not np.isfinite(to_float64(getattr(module, name))).all():
            detail = f"{name} holds NaN or infinite values"
            yield Problem(Diagnostic(where, "finite", detail, "retrain, or load other weights"))


def _function(module: Any, where: str) -> Iterator[Problem]:
    kind = KINDS[type(module)]
    if kind.function is not None and module.activation is not kind.function:
        name = getattr(module.activation, "__name__", module.activation)
        detail = f"computes {name}, where {type(module).__name__} computes {kind.function.__name__}"
        yield Problem(Diagnostic(where, "function", detail, "leave the cell's activation as it is"))
    method = getattr(module.p, "reset_method", reset_value)
    if method is not reset_value and method is not reset_subtract:
        detail = f"reset_method {getattr(method, '__name__', method)} is none of Norse's own"
        hint = "use reset_value or reset_subtract and retrain"
        yield Problem(Diagnostic(where, "reset", detail, hint), "a spike sets v to v_reset")
    if kind.fires:
        probe = torch.tensor([-1.5, -1e-3, 0.0, 1e-3, 1.5])
        fired = threshold(probe, module.p.method, module.p.alpha).tolist()
        if fired != [0.0, 0.0, 0.0, 1.0, 1.0]:
            detail = f"method {module.p.method!r} is not 1 above v_th and 0 elsewhere"
            yield Problem(
                Diagnostic(where, "spike-function", detail, "use method='super'"),
                "step function instead",
            )


def _rates(module: Any, where: str, shape: Shape) -> Iterator[Problem]:
    names = [n for n in KINDS[type(module)].parameters if n.startswith("tau")]
    for name in names:
        steps = rate(module, name, shape)
        low, high = float(steps.min()), float(steps.max())
        if low < 0 or (low == 0 and name == "tau_mem_inv"):
            detail = f"{name} {low / float(module.dt):g}; NIR's time constants are positive"
            yield Problem(Diagnostic(where, "time-constant", detail, f"keep {name} above 0"))
        if high > _FULL_STEP:
            detail = f"dt {name} = {high:g}: a step of {float(module.dt):g} s overshoots"
            hint = f"keep {name} below 1 / dt = {1 / float(module.dt):g} per second"
            yield Problem(Diagnostic(where, "time-constant", detail, hint))


def _step(module: Any, where: str, dt: float | None) -> Iterator[Problem]:
    own = float(module.dt)
    if dt is None or not KINDS[type(module)].leaks or np.isclose(own, dt, rtol=1e-9, atol=0.0):
        return
    detail = f"the layer computes steps of dt = {own:g} s, the export's are {dt:g} s"
    loss = f"steps of {own:g} s count as {dt:g} s: time constants are {dt / own:g} times as long"
    yield Problem(Diagnostic(where, "dt", detail, f"export with dt={own:g}"), loss)
