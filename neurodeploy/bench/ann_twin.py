"""The artificial twin of a spiking network: the same layers, a rectifier for each neuron, one pass.

This is the network that a spiking one is most often compared with: same connections, same sizes. It
is not trained; it serves to count.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import snntorch
import torch
from torch import Tensor, nn

from neurodeploy.bench.op_counts import OpCounts
from neurodeploy.bench.torch_counts import count_ops
from neurodeploy.errors import DataError, Diagnostic, UnsupportedLayer
from neurodeploy.frontends.snntorch.neuron_layers import SNNTORCH
from neurodeploy.frontends.tracer.recording import record
from neurodeploy.frontends.tracer.signature import input_ports

_STATES: Final[dict[type[nn.Module], int]] = {
    snntorch.Leaky: 1,
    snntorch.Lapicque: 1,
    snntorch.Synaptic: 2,
    snntorch.Alpha: 3,
}


class Rectifier(nn.Module):
    """Stands where a snnTorch neuron stood: y = max(x, 0), or y = x for a neuron without reset.

    Takes the neuron's states and returns y once more for each of them, so that the code around it
    runs unchanged; the states carry nothing from call to call. `calls` counts the passes.
    """

    def __init__(self, states: int, returned_states: int, rectifies: bool) -> None:
        super().__init__()
        self.states = states
        self.returned_states = returned_states
        self.rectifies = rectifies
        self.calls = 0

    def forward(self, x: Tensor, *states: Any, **named_states: Any) -> Any:
        self.calls += 1
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


def count_twin(module: nn.Module, inputs: Any, passes: int) -> OpCounts:
    """Operations of `derive_ann(module)` on inputs `(T, B, *shape)`.

    A forward() that takes a step is called on the first `passes` of them; one that loops over time
    gets them all at once, one that loops over an input that stays the same gets the first. The
    passes that it then makes are those of the result. Raises ConfigError if forward() takes none of
    these, DataError if it fails on as many steps.
    """
    loop = record(module, input_ports(module, inputs.shape[2:]), SNNTORCH).loop
    twin = derive_ann(module)
    dtype = next((p.dtype for p in twin.parameters()), torch.float32)
    x = torch.as_tensor(inputs).to(dtype)
    x = {"outside": x[:passes], "inside": x, "constant": x[0]}[loop]
    try:
        counts = count_ops(_EachStep(twin) if loop == "outside" else twin, x)
    except (IndexError, RuntimeError) as error:
        detail = f"forward() on {tuple(x.shape)} raised {type(error).__name__}: {error}"
        raise DataError(Diagnostic("ann twin", "forward", detail)) from error
    made = [m.calls for m in twin.modules() if isinstance(m, Rectifier)]
    return replace(counts, samples=inputs.shape[1], passes=max(made, default=len(x)))


class _EachStep(nn.Module):
    """Calls `network` on one step after another."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> None:
        for step in x:
            self.network(step)


def _rectifier(neuron: Any) -> Rectifier:
    states = _STATES[type(neuron)]
    returned = 0 if neuron.init_hidden and not neuron.output else states
    return Rectifier(states, returned, rectifies=neuron.reset_mechanism != "none")
