"""Which module is one layer to the tracer, and where in the user's code something happens."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn
from torch.overrides import resolve_name

from neurodeploy.frontends.tracer import layers
from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers
from neurodeploy.frontends.tracer.own_code import changed_methods

_SKIPPED_FRAMES = ("/torch/", "/snntorch/", "/norse/", "/neurodeploy/frontends/")


def leaves(network: nn.Module, neurons: NeuronLayers) -> Iterable[tuple[str, nn.Module]]:
    """Modules that are one thing to us: torch's own and neurons; all others are looked into."""
    stack = [("", network)]
    seen = set()
    while stack:
        path, module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        if is_leaf(module, neurons):
            yield path, module
            continue
        for name, child in module.named_children():
            stack.append((f"{path}.{name}" if path else name, child))


def is_leaf(module: nn.Module, neurons: NeuronLayers) -> bool:
    if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict):
        return False
    home = type(module).__module__
    of_torch = home.startswith("torch.nn.") and not changed_methods(module, type(module))
    scripted = home.startswith("torch.jit")
    known = layers.rule_for(module) is not None
    return of_torch or scripted or known or neurons.owns(module)


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
