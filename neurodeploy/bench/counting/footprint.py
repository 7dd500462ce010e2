"""What a module's parameters and buffers take, by what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

STATES: Final = ("mem", "syn", "syn_exc", "syn_inh", "spk", "reset")
"""Buffers of snnTorch's neurons that hold what the last step left."""


@dataclass(frozen=True)
class Footprint:
    """Bytes. weights: parameters outside neurons; neuron_parameters: parameters and constants in
    them; state: what the last run left in them; buffers: the rest, such as running statistics.
    """

    weights: int
    neuron_parameters: int
    state: int
    buffers: int

    @property
    def total(self) -> int:
        """NeuroBench's footprint. It grows with the batch if the network has run before."""
        return self.weights + self.neuron_parameters + self.state + self.buffers


def is_spiking(module: nn.Module) -> bool:
    """Whether `module` is a neuron of snnTorch."""
    names = ((kind.__module__, kind.__name__) for kind in type(module).__mro__)
    return any(m.startswith("snntorch.") and n == "SpikingNeuron" for m, n in names)


def footprint(module: nn.Module) -> Footprint:
    """Each tensor once, as torch lists parameters and buffers."""
    within = {p for p, m in module.named_modules() if is_spiking(m)}
    sums = dict.fromkeys(("weights", "neuron_parameters", "state", "buffers"), 0)
    for name, parameter in module.named_parameters():
        owner = name.rpartition(".")[0]
        sums["neuron_parameters" if owner in within else "weights"] += _bytes(parameter)
    for name, buffer in module.named_buffers():
        owner, _, own = name.rpartition(".")
        kind = "state" if own in STATES else "neuron_parameters"
        sums[kind if owner in within else "buffers"] += _bytes(buffer)
    return Footprint(**sums)


def _bytes(x: Tensor) -> int:
    return x.numel() * x.element_size()
