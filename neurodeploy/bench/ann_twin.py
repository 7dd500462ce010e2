"""The artificial twin of a spiking network: the same layers, a rectifier for each neuron, one pass.

This is the network that a spiking one is most often compared with: same connections, same sizes. It
is not trained; it serves to count.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import snntorch
import torch
from torch import Tensor, nn

from neurodeploy.errors import Diagnostic, UnsupportedLayer

_STATES: Final[dict[type[nn.Module], int]] = {
    snntorch.Leaky: 1,
    snntorch.Lapicque: 1,
    snntorch.Synaptic: 2,
    snntorch.Alpha: 3,
}


class Rectifier(nn.Module):
    """Stands where a snnTorch neuron stood: y = max(x, 0), or y = x for a neuron without reset.

    Takes the neuron's states and returns y once more for each of them, so that the code around it
    runs unchanged; the states carry nothing from call to call.
    """

    def __init__(self, states: int, returned_states: int, rectifies: bool) -> None:
        super().__init__()
        self.states = states
        self.returned_states = returned_states
        self.rectifies = rectifies

    def forward(self, x: Tensor, *states: Any, **named_states: Any) -> Any:
        y = torch.relu(x) if self.rectifies else x
        return (y, *(y for _ in range(self.returned_states))) if self.returned_states else y

    def reset_mem(self) -> Any:
        """Empty states, as many as the neuron has: one tensor, or a tuple of them."""
        empty = tuple(torch.zeros(0) for _ in range(self.states))
        return empty[0] if self.states == 1 else empty

    init_leaky: Callable[[Rectifier], Any] = reset_mem
    init_lapicque: Callable[[Rectifier], Any] = reset_mem
    init_synaptic: Callable[[Rectifier], Any] = reset_mem
    init_alpha: Callable[[Rectifier], Any] = reset_mem


def derive_ann(module: nn.Module) -> nn.Module:
    """A copy of `module` with a `Rectifier` for each snnTorch neuron; the original stays as it is.

    A neuron with reset_mechanism "none" is a membrane that is read out: its twin is the identity.
    Raises UnsupportedLayer naming every neuron without such a twin (recurrent ones, for instance).
    """
    twin = copy.deepcopy(module)
    problems: list[Diagnostic] = []
    for path, child in module.named_modules(remove_duplicate=False):
        if not isinstance(child, snntorch.SpikingNeuron):
            continue
        if type(child) not in _STATES:
            detail = f"{type(child).__name__} has no rectifier twin"
            hint = "give the artificial network yourself"
            problems.append(Diagnostic(path or "(root)", "ann-twin", detail, hint))
        elif not path:
            twin = _rectifier(child)
        else:
            parent, _, name = path.rpartition(".")
            setattr(twin.get_submodule(parent), name, _rectifier(child))
    if problems:
        raise UnsupportedLayer(problems)
    return twin


def _rectifier(neuron: Any) -> Rectifier:
    states = _STATES[type(neuron)]
    returned = 0 if neuron.init_hidden and not neuron.output else states
    return Rectifier(states, returned, rectifies=neuron.reset_mechanism != "none")
