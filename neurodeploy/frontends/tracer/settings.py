"""What layers compute with besides their input: it has to be the same at every call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import torch
from torch import Tensor, nn

from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers

# where a layer has parameters that are not registered: weights that a hook computes, Norse's p
_ATTRIBUTES: Final = ("weight", "bias", "p")


class Settings:
    """Every layer's parameters and buffers at its first call, without the states of neurons.

    One object serves all runs of one module, which start from the same copy.
    """

    def __init__(self, neurons: NeuronLayers) -> None:
        self._neurons = neurons
        self._first: dict[str, Mapping[str, Tensor]] = {}

    def changed(self, path: str, layer: nn.Module) -> str:
        """A parameter of the layer that is not what it was at its first call; empty if none."""
        states = self._neurons.kept_states(layer) if self._neurons.owns(layer) else ()
        now = {name: tensor for name, tensor in _parameters(layer) if name not in states}
        first = self._first.get(path)
        if first is None:
            self._first[path] = {name: tensor.detach().clone() for name, tensor in now.items()}
            return ""
        return next((n for n in {**first, **now} if not _same(first.get(n), now.get(n))), "")

    def called(self) -> tuple[str, ...]:
        """The paths of the layers that have been called."""
        return tuple(self._first)


def _parameters(layer: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from layer.named_parameters()
    yield from layer.named_buffers()
    for name in _ATTRIBUTES:
        value = vars(layer).get(name)
        for i, item in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(item, Tensor):
                yield f"{name}[{i}]" if isinstance(value, tuple) else name, item


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return False
    return torch.equal(a, b) or torch.equal(a.nan_to_num(), b.nan_to_num())
