"""snnTorch's neuron layers, as the tracer asks about them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.snntorch import neuron_checks
from neurodeploy.frontends.snntorch.neurons import NEURON_STATES, to_cell
from neurodeploy.frontends.tracer.neuron_layers import Cell, NeuronLayers, Problem, Reset

Shape = tuple[int, ...]


class _SnnTorch:
    packages: tuple[str, ...] = ("snntorch",)

    def owns(self, module: nn.Module) -> bool:
        return neuron_checks.is_neuron(module)

    def supports(self, module: nn.Module) -> bool:
        return type(module) in NEURON_STATES

    def states_before(
        self, module: nn.Module, args: Any, kwargs: Any
    ) -> Mapping[str, Tensor | None]:
        """Those given, else those kept on the module."""
        bound = inspect.signature(module.forward).bind(*args, **kwargs).arguments
        states = {}
        for name in NEURON_STATES[type(module)]:
            given = bound.get(name)
            states[name] = getattr(module, name) if given is None else given
        return states

    def states_after(self, module: nn.Module, out: Any) -> Mapping[str, Tensor]:
        return {name: getattr(module, name) for name in NEURON_STATES[type(module)]}

    def at_rest(self, module: nn.Module) -> None:
        for name in ("mem", "syn", "spk"):
            if isinstance(getattr(module, name, None), Tensor):
                setattr(module, name, torch.zeros(0))

    def in_float64(self, module: nn.Module) -> None:
        """Surrogates return float32 spikes, which a float64 layer does not take.

        They are replaced by the same step function in the membrane's precision. One that is no
        step function in its forward pass stays as it is.
        """
        if hasattr(module, "spike_grad") and neuron_checks.fires_as_step(module):
            vars(module)["spike_grad"] = _step

    def reset(self, module: nn.Module) -> Reset:
        return neuron_checks.reset_of(module)

    def problems(self, module: nn.Module, where: str, shape: Shape) -> list[Problem]:
        return neuron_checks.problems(module, where, shape)

    def takes_sequence(self, module: nn.Module) -> bool:
        return False

    def rest(self, module: nn.Module, state: str) -> float:
        return 0.0

    def hint(self, module: nn.Module) -> str:
        return ""

    def unreadable(self, module: nn.Module, port: str, where: str) -> Diagnostic | None:
        return neuron_checks.unreadable(module, port, where)

    def to_cell(self, module: nn.Module, shape: Shape, dt: float, used: frozenset[str]) -> Cell:
        return to_cell(module, shape, dt, used)


def _step(x: Tensor) -> Tensor:
    return (x > 0).to(x.dtype)


SNNTORCH: Final[NeuronLayers] = _SnnTorch()
