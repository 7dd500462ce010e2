"""Which module is one layer to the tracer, and where in the user's code something happens."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn
from torch.overrides import resolve_name

from neurodeploy.frontends import layers
from neurodeploy.frontends.neuron_checks import is_neuron
from neurodeploy.frontends.neurons import NEURON_STATES

_SKIPPED_FRAMES = ("/torch/", "/snntorch/", "/neurodeploy/frontends/")


def prior_states(module: nn.Module, args: Any, kwargs: Any) -> dict[str, Any]:
    """The states that this call starts from: those given, else those kept on the module."""
    bound = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    states = {}
    for name in NEURON_STATES[type(module)]:
        given = bound.get(name)
        states[name] = getattr(module, name) if given is None else given
    return states


def leaves(network: nn.Module) -> Iterable[tuple[str, nn.Module]]:
    """Modules that are one thing to us: torch's and snnTorch's own; all others are looked into."""
    stack = [("", network)]
    seen = set()
    while stack:
        path, module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        if _is_leaf(module):
            yield path, module
            continue
        for name, child in module.named_children():
            stack.append((f"{path}.{name}" if path else name, child))


def _is_leaf(module: nn.Module) -> bool:
    if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict):
        return False
    home = type(module).__module__
    of_torch = home.startswith(("torch.nn.", "torch.jit"))
    return of_torch or is_neuron(module) or layers.rule_for(module) is not None


def function_name(func: Any) -> str:
    """ "add" of torch.Tensor.add, "shape" of torch.Tensor.shape.__get__."""
    name = str(resolve_name(func) or getattr(func, "__name__", func))
    return name.removesuffix(".__get__").rpartition(".")[2]


def place() -> str:
    """File, line and function of the user's code that is running."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = frame.f_code.co_filename.replace("\\", "/")
        if not any(part in name for part in _SKIPPED_FRAMES):
            return f"{Path(name).name}:{frame.f_lineno} {frame.f_code.co_name}()"
        frame = frame.f_back
    return "forward()"
