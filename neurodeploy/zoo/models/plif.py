"""The parametric LIF (Fang et al. 2021, arXiv:2007.05785): one learned scalar w a layer.

    h_t = v_t-1 + sigmoid(w) (x_t - v_t-1);  s_t = 1 if h_t > 1 else 0;  v_t = (1 - s_t) h_t

v is 0 before the first step. `Plif` is one step from rest for every element, as Spiking-S4's code
uses it: the published network hands it the whole tensor (batch, frames, channels) in one step and
clears it, so that all memory lies in the state spaces. `PlifSteps` runs over the first axis, and
`SignedPlifSteps` fires at h < -1, too, where s = -1.
Spikes and their surrogate gradient are snnTorch's: the neuron is Leaky with beta = 1 - sigmoid(w),
reset to zero and the input times sigmoid(w). Two things are ours: that gain, which snnTorch does
not learn, and the gradient through the reset, which it cuts and the published networks keep.
It fires at h > 1, the published code at h >= 1: equal but for inputs that hit 1 exactly.
"""

from __future__ import annotations

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn

SLOPE = 4.0  # of the surrogate: dS/dh = SLOPE s (1 - s), s = sigmoid(SLOPE (h - 1))
FAR_BELOW = -16.0  # the surrogate is 1e-29 here; below -22 snnTorch's divides infinity by itself


class Plif(nn.Module):
    """Spikes of a layer, one step from rest; w = 0 is tau = 2."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))
        gradient = surrogate.sigmoid(slope=SLOPE)
        self.neuron = snntorch.Leaky(
            beta=0.5, threshold=1.0, reset_mechanism="zero", spike_grad=gradient
        )

    def fire(self, membrane: Tensor) -> Tensor:
        """Any shape -> 0 or 1 in the same shape and type."""
        spikes: Tensor = self.neuron.fire(membrane.clamp(min=FAR_BELOW))
        return spikes.to(membrane.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> 0 or 1 in the same shape and type."""
        return self.fire(torch.sigmoid(self.w) * x)


class PlifSteps(Plif):
    """Spikes of a layer over T steps."""

    def forward(self, x: Tensor) -> Tensor:
        """(T, ...) -> 0 or 1 in the same shape and type."""
        gain, spikes = torch.sigmoid(self.w), []
        v = torch.zeros_like(x[0])
        for now in x:
            h = v + gain * (now - v)
            spikes.append(self.fire(h))
            v = (1.0 - spikes[-1]) * h
        return torch.stack(spikes)


class SignedPlifSteps(Plif):
    """Spikes of either sign of a layer over T steps: for values that norms put around 0."""

    def forward(self, x: Tensor) -> Tensor:
        """(T, ...) -> -1, 0 or 1 in the same shape and type."""
        gain, spikes = torch.sigmoid(self.w), []
        v = torch.zeros_like(x[0])
        for now in x:
            h = v + gain * (now - v)
            up, down = self.fire(h), self.fire(-h)
            spikes.append(up - down)
            v = (1.0 - up - down) * h
        return torch.stack(spikes)
