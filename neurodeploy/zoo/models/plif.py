"""The parametric LIF of Spiking-S4: one step from rest for every element, no memory over frames.

    s = 1 if sigmoid(w) x > 1 else 0

PLIF charges h = v + sigmoid(w) (x - v). The published network hands it the whole tensor (batch,
frames, channels) in one step and then clears it, so v = 0 throughout; all memory lies in the state
spaces. The neuron is snnTorch's Leaky at its first step from rest, where its membrane equals its
input; snnTorch has no learned gain of the input, so the gain, w, is ours. It fires at h > 1, the
published code at h >= 1: equal but for inputs that hit the threshold exactly.
"""

from __future__ import annotations

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn

SLOPE = 4.0  # of the surrogate: dS/dh = SLOPE s (1 - s), s = sigmoid(SLOPE (h - 1))
FAR_BELOW = -16.0  # the surrogate is 1e-29 here; below -22 snnTorch's divides infinity by itself


class Plif(nn.Module):
    """Spikes of a layer with one learned scalar w; w = 0 is tau = 2."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))
        gradient = surrogate.sigmoid(slope=SLOPE)
        self.neuron = snntorch.Leaky(
            beta=0.5, threshold=1.0, reset_mechanism="zero", spike_grad=gradient
        )

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> 0 or 1 in the same shape and type."""
        membrane = (torch.sigmoid(self.w) * x).clamp(min=FAR_BELOW)
        spikes: Tensor = self.neuron.fire(membrane)
        return spikes.to(x.dtype)
