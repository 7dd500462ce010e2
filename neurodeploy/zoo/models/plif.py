"""The parametric LIF (Fang et al. 2021, arXiv:2007.05785): one learned scalar w a layer.

    h_t = v_t-1 + sigmoid(w) (x_t - v_t-1);  s_t = 1 if h_t > 1 else 0;  v_t = (1 - s_t) h_t

v is 0 before the first step. `Plif` is one step from rest for every element, as Spiking-S4's code
uses it: the published network hands it the whole tensor (batch, frames, channels) in one step and
clears it, so that all memory lies in the state spaces. `PlifSteps` runs over the first axis, and
`SignedPlifSteps` fires at h < -1, too, where s = -1.
Spikes are snnTorch's: the neuron is Leaky with beta = 1 - sigmoid(w), reset to zero and the input
times sigmoid(w). Three things are ours: that gain, which snnTorch does not learn; the gradient
through the reset, which it cuts and the published networks keep; and how its surrogate gradient
`sigmoid` is computed, in half of the time and without dividing infinity by itself far below 1.
It fires at h > 1, the published code at h >= 1: equal but for inputs that hit 1 exactly.
"""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from torch import Tensor, nn

SLOPE = 4.0


class SigmoidSurrogate(torch.autograd.Function):
    """Spikes s = [x > 0], x = h - threshold, whose gradient is taken for SLOPE p (1 - p) with
    p = sigmoid(SLOPE x): snnTorch's `surrogate.sigmoid(slope=SLOPE)`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        p = (SLOPE * x).sigmoid_()
        out: Tensor = torch.ops.aten.sigmoid_backward(gradients[0], p)
        return out.mul_(SLOPE)


def _spikes(x: Tensor) -> Tensor:
    out: Tensor = SigmoidSurrogate.apply(x)  # type: ignore[no-untyped-call]
    return out


class Plif(nn.Module):
    """Spikes of a layer, one step from rest; w = 0 is tau = 2."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))
        self.neuron = snntorch.Leaky(
            beta=0.5, threshold=1.0, reset_mechanism="zero", spike_grad=_spikes
        )

    def fire(self, membrane: Tensor) -> Tensor:
        """Any shape -> 0 or 1 in the same shape and type."""
        spikes: Tensor = self.neuron.fire(membrane)
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
        for step, now in enumerate(x, start=1):
            h = torch.lerp(v, now, gain.to(v.dtype))
            spikes.append(self.fire(h))
            if step < len(x):
                v = (1.0 - spikes[-1]) * h
        return torch.stack(spikes)


class SignedPlifSteps(Plif):
    """Spikes of either sign of a layer over T steps: for values that norms put around 0."""

    def forward(self, x: Tensor) -> Tensor:
        """(T, ...) -> -1, 0 or 1 in the same shape and type."""
        gain, spikes = torch.sigmoid(self.w), []
        v = torch.zeros_like(x[0])
        for step, now in enumerate(x, start=1):
            h = torch.lerp(v, now, gain.to(v.dtype))
            up, down = self.fire(h), self.fire(-h)
            spikes.append(up - down)
            if step < len(x):
                v = (1.0 - up - down) * h
        return torch.stack(spikes)
