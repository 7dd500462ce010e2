"""A copy of a trained module to run: on the CPU, not training, all neurons in their zero state."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer
from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers


def copy_for_run(module: nn.Module, neurons: NeuronLayers) -> nn.Module:
    """A copy in float32, or in float64 if the module is. Both hold half precision exactly."""
    network = _copy(module, neurons)
    if precision_of(network) == torch.float64:
        return in_float64(module, neurons)
    return in_precision(network, torch.float32)


def precision_of(network: nn.Module) -> torch.dtype:
    """float64 if a weight of the network is, else float32."""
    weights = [t.dtype for t in network.state_dict().values() if t.dim() > 0]
    return torch.float64 if torch.float64 in weights else torch.float32


def in_precision(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """All real tensors in `dtype` and complex ones in its complex sister: .to() drops a part."""

    def convert(tensor: Tensor) -> Tensor:
        if tensor.is_complex():
            return tensor.to(dtype.to_complex())
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    apply: Any = network._apply  # untyped in torch
    return cast("nn.Module", apply(convert))


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
    _prepare(network)
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
            _compute_weights(parent)


def _compute_weights(layer: Any) -> None:
    """torch would take them off the class, which a copy shares with the module it was made of."""
    kind = type(layer)
    layer.__class__ = type(kind.__name__, kind.__bases__, dict(vars(kind)))
    for name in list(layer.parametrizations):
        parametrize.remove_parametrizations(layer, name, leave_parametrized=True)


def in_float64(module: nn.Module, neurons: NeuronLayers) -> nn.Module:
    """A copy that computes in float64 throughout."""
    network = in_precision(_copy(module, neurons), torch.float64)
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
