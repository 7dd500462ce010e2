"""A copy of a trained module to run: on the CPU, not training, all neurons in their zero state."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers


def copy_for_run(module: nn.Module, neurons: NeuronLayers) -> nn.Module:
    """A copy in float32, or in float64 if the module is. Both hold half precision exactly."""
    network = _copy(module, neurons)
    precision = precision_of(network)
    return in_float64(module, neurons) if precision == torch.float64 else network.to(precision)


def precision_of(network: nn.Module) -> torch.dtype:
    """float64 if a weight of the network is, else float32."""
    weights = [t.dtype for t in network.state_dict().values() if t.dim() > 0]
    return torch.float64 if torch.float64 in weights else torch.float32


@contextmanager
def default_precision(dtype: torch.dtype) -> Iterator[None]:
    """What forward() makes with torch.zeros() has this precision while it runs."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _copy(module: nn.Module, neurons: NeuronLayers) -> nn.Module:
    try:
        network: nn.Module = copy.deepcopy(module, _detached_states(module))
    except Exception as error:  # whatever an attribute raises that can't be copied
        detail = f"can't be copied: {type(error).__name__}: {error}"
        hint = "remove the attribute, or export the module without it"
        raise ConfigError(Diagnostic(type(module).__name__, "copy", detail, hint)) from error
    network = network.cpu().eval()
    for child in network.modules():
        if neurons.owns(child):
            neurons.at_rest(child)
    return network


def in_float64(module: nn.Module, neurons: NeuronLayers) -> nn.Module:
    """A copy that computes in float64 throughout."""
    network = _copy(module, neurons).to(torch.float64)
    for child in network.modules():
        if neurons.owns(child):
            neurons.in_float64(child)
    return network


def _detached_states(module: nn.Module) -> dict[int, Any]:
    """A deepcopy memo for tensors that training left in its graph: torch does not copy those."""
    return {id(t): t.detach().clone() for t in tensors_on(module) if not t.is_leaf}


def tensors_on(module: nn.Module) -> Iterator[Tensor]:
    """Buffers, and what modules keep as attributes."""
    for child in module.modules():
        for value in (*child._buffers.values(), *vars(child).values()):
            items = value if isinstance(value, list | tuple) else (value,)
            yield from (item for item in items if isinstance(item, Tensor))
