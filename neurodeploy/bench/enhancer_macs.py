"""Multiply-accumulates of an enhancer's network per frame, in two conventions.

    published   what the Spiking-S4 paper's 1.50e9 "FLOPs" are: linear layers dense, a layer norm 5
                operations an element, as a tracing counter has it, state spaces left out; 30 s are
                3,751 centred frames
    counted     linear layers dense, and what a state space does per frame as a recurrence: 8 real
                products a mode (state 4, input 2, output 2) and one a channel for D u

Both are of dense layers: what spikes save is counted by what runs, not here.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from neurodeploy.zoo.models.s4d import S4D

CLIP_FRAMES = 30 * 16_000 // 128 + 1
NORM_OPERATIONS = 5
MODE_PRODUCTS = 8


@dataclass(frozen=True)
class FrameMacs:
    """Of one frame."""

    linear: int
    norms: int
    state_spaces: int

    @property
    def published(self) -> int:
        return self.linear + self.norms

    @property
    def counted(self) -> int:
        return self.linear + self.state_spaces


def frame_macs(network: nn.Module) -> FrameMacs:
    """Of the network between the transforms; a module counts as often as it stands in it."""
    linear = norms = state_spaces = 0
    for module in network.modules():
        if isinstance(module, nn.Linear):
            linear += module.weight.numel()
        elif isinstance(module, nn.LayerNorm):
            norms += NORM_OPERATIONS * module.weight.numel()
        elif isinstance(module, S4D):
            state_spaces += MODE_PRODUCTS * module.log_decay.numel() + module.d.numel()
    return FrameMacs(linear, norms, state_spaces)
