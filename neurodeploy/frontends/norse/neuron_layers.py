"""Norse's neuron layers, as the tracer asks about them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.norse import kinds, neuron_checks, neurons
from neurodeploy.frontends.norse.kinds import KINDS
from neurodeploy.frontends.tracer.neuron_layers import SPIKES, Cell, Problem, Reset
from neurodeploy.frontends.tracer.own_code import changed_methods

Shape = tuple[int, ...]


class NorseLayers:
    """What `NeuronLayers` asks. `dt` is the export's step, None where it does not matter."""

    packages: tuple[str, ...] = ("norse",)

    def __init__(self, dt: float | None = None) -> None:
        self.dt = dt

    def owns(self, module: nn.Module) -> bool:
        return kinds.defined_by_norse(module)

    def supports(self, module: nn.Module) -> bool:
        return type(module) in KINDS and not changed_methods(module, type(module))

    def takes_sequence(self, module: nn.Module) -> bool:
        return KINDS[type(module)].sequence

    def hint(self, module: nn.Module) -> str:
        return kinds.hint(module)

    def states_before(
        self, module: nn.Module, args: Any, kwargs: Any
    ) -> Mapping[str, Tensor | None]:
        """The fields of the given state tuple; None where the layer starts at rest."""
        bound = inspect.signature(module.forward).bind(*args, **kwargs).arguments
        return _ports(module, bound.get("state"))

    def states_after(self, module: nn.Module, out: Any) -> Mapping[str, Tensor]:
        if getattr(module, "record_states", False):
            return {}  # the states of all steps, stacked: no step can start from them
        found = _ports(module, out[1])
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    def rest(self, module: nn.Module, state: str) -> Tensor | float:
        """v_leak, or v_reset of an integrator, for the membrane; zero for spikes and current."""
        kind = KINDS[type(module)]
        if state != "v" and (kind.fires or state != SPIKES):
            return 0.0
        p: Any = module.p
        return torch.as_tensor(p.v_leak if kind.leaks else p.v_reset)

    def at_rest(self, module: nn.Module) -> None:
        """Layers keep no state; their parameters, which no .cpu() reaches, come along here."""
        _convert(module, lambda tensor: tensor.detach().cpu())

    def in_float64(self, module: nn.Module) -> None:
        """Parameters are no module's tensors, and first states are float32 whatever comes in."""
        _convert(module, lambda tensor: tensor.detach().to(torch.float64))
        fallback = vars(module).get("state_fallback")
        if fallback is None:
            return
        start = self.rest(module, "v")

        def first_state(x: Tensor) -> Any:
            state = fallback(x)
            wide = state._replace(**{n: getattr(state, n).double() for n in state._fields})
            return wide._replace(v=torch.zeros_like(wide.v) + start)

        vars(module)["state_fallback"] = first_state

    def kept_states(self, module: nn.Module) -> tuple[str, ...]:
        return ()

    def running(self, network: nn.Module) -> AbstractContextManager[None]:
        return nullcontext()

    def reset(self, module: nn.Module) -> Reset:
        return neurons.reset_of(module)

    def problems(self, module: nn.Module, where: str, shape: Shape) -> list[Problem]:
        return neuron_checks.problems(module, where, shape, self.dt)

    def unreadable(self, module: nn.Module, port: str, where: str) -> Diagnostic | None:
        return neuron_checks.unreadable(module, port, where)

    def to_cell(self, module: nn.Module, shape: Shape, dt: float, used: frozenset[str]) -> Cell:
        return neurons.to_cell(module, shape, dt)


def _ports(module: nn.Module, state: Any) -> dict[str, Tensor | None]:
    """Fields of a state tuple by port: the one that is also the output is the port of spikes."""
    kind = KINDS[type(module)]
    names = {field: SPIKES if field == kind.sent else field for field in kind.states}
    return {port: getattr(state, field, None) for field, port in names.items()}


def _convert(module: Any, change: Callable[[Tensor], Tensor]) -> None:
    """Applies `change` to every tensor that is an attribute of the layer or a field of its `p`."""
    p = getattr(module, "p", None)
    if isinstance(p, tuple):
        fields = p._asdict()  # type: ignore[attr-defined]
        tensors = {n: change(v) for n, v in fields.items() if isinstance(v, Tensor)}
        module.p = p._replace(**tensors)  # type: ignore[attr-defined]
    for owner in (module, p) if isinstance(p, nn.Module) else (module,):
        for name, value in list(vars(owner).items()):
            if isinstance(value, Tensor) and value.is_floating_point():
                setattr(owner, name, change(value))
