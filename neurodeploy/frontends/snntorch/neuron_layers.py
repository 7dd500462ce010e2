"""snnTorch's neuron layers, as the tracer asks about them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import snntorch
import torch
from torch import Tensor, nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.snntorch import checks
from neurodeploy.frontends.snntorch.cells import CellRule, changed_hint, refusal_of, rule_of
from neurodeploy.frontends.tracer.neuron_layers import Cell, NeuronLayers, Problem, Reset

Shape = tuple[int, ...]
_KEPT: Final = ("mem", "syn", "syn_exc", "syn_inh", "spk")


class _SnnTorch:
    packages: tuple[str, ...] = ("snntorch",)

    def owns(self, module: nn.Module) -> bool:
        defined_there = (c.__module__.startswith("snntorch._neurons") for c in type(module).__mro__)
        return isinstance(module, snntorch.SpikingNeuron) or any(defined_there)

    def supports(self, module: nn.Module) -> bool:
        return rule_of(module) is not None

    def states_before(
        self, module: nn.Module, args: Any, kwargs: Any
    ) -> Mapping[str, Tensor | None]:
        """Those given, else those kept on the module."""
        bound = inspect.signature(module.forward).bind(*args, **kwargs).arguments
        states = {}
        for name in _rule(module).states:
            given = bound.get(name)
            states[name] = getattr(module, name) if given is None else given
        return states

    def states_after(self, module: nn.Module, out: Any) -> Mapping[str, Tensor]:
        return {name: getattr(module, name) for name in _rule(module).states}

    def at_rest(self, module: nn.Module) -> None:
        for name in _KEPT:
            if isinstance(getattr(module, name, None), Tensor):
                setattr(module, name, torch.zeros(0))

    def in_float64(self, module: nn.Module) -> None:
        """Surrogates return float32 spikes, which a float64 layer does not take.

        They are replaced by the same step function in the membrane's precision. One that is no
        step function in its forward pass stays as it is.
        """
        if hasattr(module, "spike_grad") and checks.fires_as_step(module):
            vars(module)["spike_grad"] = _step

    def kept_states(self, module: nn.Module) -> tuple[str, ...]:
        return (*_KEPT, "reset")

    @contextmanager
    def running(self, network: nn.Module) -> Iterator[None]:
        """snntorch.utils.reset() resets the layers on a list, where a copy does not stand."""
        before = snntorch.SpikingNeuron.instances
        own = [m for m in network.modules() if isinstance(m, snntorch.SpikingNeuron)]
        snntorch.SpikingNeuron.instances = own
        try:
            yield
        finally:
            snntorch.SpikingNeuron.instances = before

    def reset(self, module: nn.Module) -> Reset:
        return _rule(module).reset(module)

    def problems(self, module: nn.Module, where: str, shape: Shape) -> list[Problem]:
        return list(_rule(module).problems(module, where, shape))

    def takes_sequence(self, module: nn.Module) -> bool:
        return False

    def rest(self, module: nn.Module, state: str) -> float:
        return 0.0

    def hint(self, module: nn.Module) -> str:
        refusal = refusal_of(module)
        return changed_hint(module) if refusal is None else f"{refusal.detail}; {refusal.hint}"

    def unreadable(self, module: nn.Module, port: str, where: str) -> Diagnostic | None:
        return _rule(module).unreadable(module, port, where)

    def to_cell(self, module: nn.Module, shape: Shape, dt: float, used: frozenset[str]) -> Cell:
        return _rule(module).to_cell(module, shape, dt, used)


def _rule(module: nn.Module) -> CellRule:
    rule = rule_of(module)
    assert rule is not None
    return rule


def _step(x: Tensor) -> Tensor:
    return (x > 0).to(x.dtype)


SNNTORCH: Final[NeuronLayers] = _SnnTorch()
