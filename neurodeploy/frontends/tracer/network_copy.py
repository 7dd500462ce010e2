"""A copy of a trained module to run: on the CPU, not training, all neurons in their zero state."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer
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
    _prepare(network)
    network = network.cpu().eval()
    for child in network.modules():
        if neurons.owns(child):
            neurons.at_rest(child)
    return network


def checked_module(module: object) -> nn.Module:
    """The module; ConfigError for anything else."""
    if isinstance(module, nn.Module):
        return module
    detail = f"{type(module).__name__} is not a torch.nn.Module"
    raise ConfigError(Diagnostic("module", "type", detail))


def unwrapped(module: nn.Module) -> nn.Module:
    """The module that torch.compile() or DataParallel were given.

    Raises UnsupportedLayer for scripted modules, which no hook can look into.
    """
    if isinstance(module, torch.jit.ScriptModule):
        detail = "is compiled: what it does inside can't be followed"
        hint = "export the module that torch.jit was given"
        raise UnsupportedLayer(Diagnostic(type(module).__name__, "script-module", detail, hint))
    wrapped = getattr(module, "_orig_mod", None)  # of torch.compile's OptimizedModule
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        wrapped = module.module
    return unwrapped(wrapped) if isinstance(wrapped, nn.Module) else module


def _prepare(network: nn.Module) -> None:
    """Nothing compiled, and weights as they are instead of what computes them."""
    for parent in list(network.modules()):
        parent._compiled_call_impl = None
        for name, child in parent._modules.items():
            if child is not None and not isinstance(child, torch.jit.ScriptModule):
                parent._modules[name] = unwrapped(child)
        if parametrize.is_parametrized(parent):
            computed: Any = parent.parametrizations
            for name in list(computed):
                parametrize.remove_parametrizations(parent, name, leave_parametrized=True)


def in_float64(module: nn.Module, neurons: NeuronLayers) -> nn.Module:
    """A copy that computes in float64 throughout."""
    network = _copy(module, neurons).to(torch.float64)
    for child in network.modules():
        if neurons.owns(child):
            neurons.in_float64(child)
    return network


def _detached_states(module: nn.Module) -> dict[int, Any]:
    """A deepcopy memo for tensors that training left in its graph: torch does not copy those."""
    tensors = (tensor for _, tensor in named_tensors(module))
    return {id(t): t.detach().clone() for t in tensors if not t.is_leaf}


def named_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters, buffers, and what modules keep as attributes, by their dotted names."""
    for path, child in module.named_modules():
        for name, value in (
            *child._parameters.items(),
            *child._buffers.items(),
            *vars(child).items(),
        ):
            items = value if isinstance(value, list | tuple) else (value,)
            for item in items:
                if isinstance(item, Tensor):
                    yield f"{path}.{name}" if path else name, item
