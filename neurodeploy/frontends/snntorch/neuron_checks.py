"""What a snnTorch neuron does that NIR cannot say, found on the module before it is exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import snntorch
import torch
from torch import nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.tracer.arrays import to_float64
from neurodeploy.frontends.tracer.neuron_layers import Mechanism, Problem, Reset

Shape = tuple[int, ...]
_STATE_FUNCTIONS: Final[dict[str, Mechanism]] = {
    "_base_sub": "subtract",
    "_base_zero": "zero",
    "_base_int": "none",
}


def reset_of(module: Any) -> Reset:
    """The reset that forward() executes: its state function, not the name stored beside it."""
    mechanism = _STATE_FUNCTIONS[module.state_function.__func__.__name__]
    return Reset(mechanism, bool(module.reset_delay))


def is_neuron(module: nn.Module) -> bool:
    """Whether snnTorch defines this module as a neuron of any class, supported or not."""
    defined_there = any(c.__module__.startswith("snntorch._neurons") for c in type(module).__mro__)
    return isinstance(module, snntorch.SpikingNeuron) or defined_there


def fires_as_step(module: Any) -> bool:
    """Whether the spike function is 1 above zero and 0 elsewhere, each time it is asked."""
    probe = torch.tensor([-1.5, -1e-3, 0.0, 1e-3, 1.5])
    fired = [module.spike_grad(probe.clone()).detach().tolist() for _ in range(4)]
    return all(values == [0.0, 0.0, 0.0, 1.0, 1.0] for values in fired)


def problems(module: Any, where: str, shape: Shape) -> list[Problem]:
    """Everything that keeps a Leaky or Synaptic layer of `shape` from being exact in NIR."""
    found = [*_parameters(module, where, shape), *_firing(module, where)]
    if not any(p.diagnostic.rule == "reset-changed" for p in found):
        found += _reset(module, where)
    return found


def unreadable(module: Any, port: str, where: str) -> Diagnostic | None:
    """Why the graph can't give this state; None if it can."""
    if port == "syn":
        detail = "its synaptic current is read; NIR's neurons only give spikes or a membrane"
        return Diagnostic(where, "reads-current", detail, "return the spikes")
    if port == "mem" and reset_of(module).mechanism != "none":
        detail = "the membrane of a neuron that spikes and resets is read"
        hint = "return the spikes, or set reset_mechanism='none' for a read-out"
        return Diagnostic(where, "reads-membrane", detail, hint)
    return None


def _parameters(module: Any, where: str, shape: Shape) -> Iterator[Problem]:
    for name in ("beta", "alpha", "threshold"):
        if not hasattr(module, name):
            continue
        values = to_float64(getattr(module, name))
        try:
            np.broadcast_to(values, (1, *shape))
        except ValueError:
            detail = f"{name} of shape {values.shape} does not fit neurons of shape {shape}"
            yield Problem(Diagnostic(where, f"{name}-shape", detail, "one value, or one a neuron"))
        if name == "threshold" and (values < 0).any():
            detail = f"threshold {values.min():g}; the first step resets before any spike"
            hint = "use a threshold >= 0"
            loss = "first step without the reset that a negative threshold causes"
            yield Problem(Diagnostic(where, "negative-threshold", detail, hint), loss)


def _firing(module: Any, where: str) -> Iterator[Problem]:
    if module.inhibition:
        detail = "only the largest membrane of the layer fires; NIR's neurons do not compare"
        diagnostic = Diagnostic(where, "inhibition", detail, "set inhibition=False and retrain")
        yield Problem(diagnostic, "every neuron above its threshold fires (inhibition ignored)")
    if module.state_quant:
        detail = "the membrane is rounded at each step; NIR has no state precision"
        hint = "set state_quant=False; the compiler quantises states for the chip"
        yield Problem(Diagnostic(where, "state-quant", detail, hint), "states are not rounded")
    factor = to_float64(module.graded_spikes_factor)
    if (factor != 1).any():
        detail = f"graded_spikes_factor {factor.ravel()[0]:g}; NIR's spikes are 1"
        hint = "multiply the next layer's weights by it and set it to 1"
        yield Problem(Diagnostic(where, "graded-spikes", detail, hint), "spikes have the value 1")
    if not fires_as_step(module):
        detail = "spike_grad does not return 1 above threshold and 0 elsewhere"
        hint = "use a surrogate whose forward pass is the step function"
        yield Problem(Diagnostic(where, "spike-function", detail, hint), "step function instead")


def _reset(module: Any, where: str) -> Iterator[Problem]:
    function = getattr(module.state_function, "__func__", None)
    mechanism = _STATE_FUNCTIONS.get(getattr(function, "__name__", ""))
    stored = list(snntorch.SpikingNeuron.reset_dict)[int(module.reset_mechanism_val)]
    if mechanism is None or mechanism != stored:
        detail = f"reset_mechanism says {stored!r}, the layer was built with {mechanism!r}"
        hint = "build the layer with the reset_mechanism that it was trained with"
        yield Problem(Diagnostic(where, "reset-changed", detail, hint))
        return
    kind = reset_of(module)
    if mechanism == "subtract" and not kind.delayed:
        detail = "subtract with reset_delay=False subtracts twice from a membrane above 2 threshold"
        hint = "set reset_delay=True and retrain"
        loss = "beta * threshold is subtracted one step later; differs above 2 threshold"
        yield Problem(Diagnostic(where, "immediate-subtract", detail, hint), loss)
    if mechanism == "zero" and kind.delayed and isinstance(module, snntorch.Synaptic):
        detail = "zero with reset_delay=True discards the input of the step after a spike"
        hint = "set reset_delay=False and retrain"
        loss = "reset in the same step; the step after a spike integrates its input"
        yield Problem(Diagnostic(where, "refractory-step", detail, hint), loss)
