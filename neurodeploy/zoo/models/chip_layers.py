"""Layers that live on a Loihi-class chip: norms that fold into weights, neurons that remember."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn

from neurodeploy.zoo.models.s4d import S4D


class Norm(nn.BatchNorm1d):
    """Batch normalisation over all axes but the last, the channels."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(-1, x.shape[-1])).view_as(x)

    def affine_map(self) -> tuple[Tensor, Tensor]:
        """Gain and offset of each channel at inference."""
        assert self.running_var is not None
        assert self.running_mean is not None
        gain = self.weight / torch.sqrt(self.running_var + self.eps)
        return gain, self.bias - gain * self.running_mean


def lif(beta: float, slope: float) -> snntorch.Leaky:
    """v[t] = (1 - s[t-1]) beta v[t-1] + i[t], a spike above 1; slope: of the surrogate gradient."""
    return snntorch.Leaky(
        beta=beta,
        threshold=1.0,
        reset_mechanism="zero",
        spike_grad=surrogate.fast_sigmoid(slope=slope),
    )


def over_frames(neuron: snntorch.Leaky, drive: Tensor, output: int) -> Tensor:
    """A neuron through all frames of (B, L, N) from rest; output 0: spikes, 1: membrane."""
    membrane = torch.zeros_like(drive[:, 0])
    frames: list[Tensor] = []
    for current in drive.unbind(1):
        result: Sequence[Tensor] = neuron(current, membrane)
        membrane = result[1]
        frames.append(result[output].to(drive.dtype))  # snnTorch's spikes are float32
    return torch.stack(frames, dim=1)


class Memory:
    """Membranes and state spaces from frame to frame, in the order in which they are used."""

    def __init__(self, before: list[Any] | None = None) -> None:
        self._before = iter(before or [])
        self.after: list[Any] = []

    def fire(self, neuron: snntorch.Leaky, drive: Tensor, output: int = 0) -> Tensor:
        """One step of a neuron (B, N); output 0: spikes, 1: membrane."""
        membrane = next(self._before, torch.zeros_like(drive))
        result: Sequence[Tensor] = neuron(drive, membrane)
        self.after.append(result[1])
        return result[output].to(drive.dtype)

    def advance(self, ssm: S4D, u: Tensor) -> Tensor:
        """One step of state spaces (B, channels)."""
        y, state = ssm.step(u, next(self._before, None))
        self.after.append(state)
        return y
