"""What keeps a snnTorch neuron of any class from being exact in NIR, read off the module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import snntorch
import torch

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.snntorch.equations import ResetForm
from neurodeploy.frontends.tracer.arrays import to_float64
from neurodeploy.frontends.tracer.neuron_layers import Mechanism, Problem

Array = np.ndarray[Any, np.dtype[np.float64]]
Shape = tuple[int, ...]
_STATE_FUNCTIONS: Final[dict[str, Mechanism]] = {
    "_base_sub": "subtract",
    "_base_zero": "zero",
    "_base_int": "none",
}


def mechanism_of(module: Any) -> Mechanism:
    """The reset that forward() executes: its state function, not the name stored beside it."""
    return _STATE_FUNCTIONS[module.state_function.__func__.__name__]


def fires_as_step(module: Any) -> bool:
    """Whether the spike function is 1 above zero and 0 elsewhere, each time it is asked."""
    above = torch.logspace(-6, 6, 97)
    probe = torch.cat([-above, torch.zeros(1), above])
    step = (probe > 0).tolist()
    return all(module.spike_grad(probe.clone()).detach().tolist() == step for _ in range(4))


def full(parameter: Any, shape: Shape) -> Array:
    """A parameter as one value per neuron: forward() broadcasts it to `(B, *shape)`."""
    return np.array(np.broadcast_to(to_float64(parameter), (1, *shape))[0])


def decay(parameter: Any, shape: Shape) -> Array:
    """A decay factor, clamped as forward() does."""
    return np.clip(full(parameter, shape), 0.0, 1.0)


def graded(module: Any, shape: Shape) -> Array | None:
    """What each spike is multiplied by; None if it is 1 everywhere."""
    factor = full(module.graded_spikes_factor, shape)
    return None if np.all(factor == 1.0) else factor


def shapes(module: Any, names: Sequence[str], where: str, shape: Shape) -> Iterator[Problem]:
    """Parameters that don't broadcast to the layer."""
    for name in names:
        values = to_float64(getattr(module, name))
        try:
            np.broadcast_to(values, (1, *shape))
        except ValueError:
            detail = f"{name} of shape {values.shape} does not fit neurons of shape {shape}"
            yield Problem(Diagnostic(where, f"{name}-shape", detail, "one value, or one a neuron"))


def firing(module: Any, where: str) -> Iterator[Problem]:
    """Options of the spike that no neuron of NIR has."""
    if module.state_quant:
        detail = "the membrane is rounded at each step; NIR has no state precision"
        hint = "set state_quant=False; the compiler quantises states for the chip"
        yield Problem(Diagnostic(where, "state-quant", detail, hint), "states are not rounded")
    if not fires_as_step(module):
        detail = "spike_grad does not return 1 above threshold and 0 elsewhere"
        hint = "use a surrogate whose forward pass is the step function"
        yield Problem(Diagnostic(where, "spike-function", detail, hint), "step function instead")


def changed_reset(module: Any, where: str) -> Iterator[Problem]:
    """A reset_mechanism that was set or loaded after the layer was built, which is half used."""
    function = getattr(module.state_function, "__func__", None)
    mechanism = _STATE_FUNCTIONS.get(getattr(function, "__name__", ""))
    stored = list(snntorch.SpikingNeuron.reset_dict)[int(module.reset_mechanism_val)]
    if mechanism is None or mechanism != stored:
        detail = f"reset_mechanism says {stored!r}, the layer was built with {mechanism!r}"
        hint = "build the layer with the reset_mechanism that it was trained with"
        yield Problem(Diagnostic(where, "reset-changed", detail, hint))


def negative_threshold(module: Any, where: str, reset: ResetForm) -> Iterator[Problem]:
    """Below 0 the membrane at rest is above threshold, and its first step already resets it.

    Without a reset that means nothing.
    """
    values = to_float64(module.threshold)
    if reset == "none" or not (values < 0).any():
        return
    detail = f"threshold {values.min():g}; the first step resets before any spike"
    hint = "use a threshold >= 0, or reset_mechanism='none'"
    loss = "first step without the reset that a negative threshold causes"
    yield Problem(
        Diagnostic(where, "negative-threshold", detail, hint), loss if reset == "subtract" else ""
    )


def zero_grade(module: Any, where: str) -> Iterator[Problem]:
    """forward() divides the graded spikes by their factor to find the immediate reset."""
    if (to_float64(module.graded_spikes_factor) == 0).any():
        detail = "graded_spikes_factor 0 with reset_delay=False makes the membrane NaN"
        hint = "remove the neuron, or set reset_delay=True"
        yield Problem(Diagnostic(where, "graded-zero", detail, hint))


def unreadable_membrane(where: str) -> Diagnostic:
    """A LIF's membrane can't be read, and is not the one that snnTorch returns either."""
    detail = "the membrane of a neuron that resets to zero is read; NIR's spiking nodes only spike"
    hint = "return the spikes, or set reset_mechanism='subtract' or 'none'"
    return Diagnostic(where, "reads-membrane", detail, hint)
