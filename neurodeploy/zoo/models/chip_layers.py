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
    """A neuron through all frames of (B, L, N) from rest; output 0: spikes, 1: membrane.

    The neuron's own values, and gradients up to the order of a sum; its reset is zero or none.
    """
    out: Tensor = _Run.apply(drive, neuron, output)  # type: ignore[no-untyped-call]
    return out


class _Run(torch.autograd.Function):
    """All steps of snnTorch's Leaky as one node: its own tape is most of a training step.

    Membranes are float32 or wider, as snnTorch's are beside its float32 resets.

    dL/dv[t] = surrogate'(v[t] - 1) dL/ds[t] + beta (1 - s[t]) dL/dv[t+1], resets detached as there.
    """

    @staticmethod
    def forward(ctx: Any, drive: Tensor, neuron: snntorch.Leaky, output: int) -> Tensor:
        beta, resets = float(neuron.beta.clamp(0, 1)), _resets(neuron)
        v = drive.new_empty(drive.shape, dtype=torch.promote_types(drive.dtype, torch.float32))
        kept = torch.zeros_like(v[:, 0])
        for now, current in zip(v.unbind(1), drive.unbind(1), strict=True):
            torch.mul(kept, beta, out=now).add_(current)
            kept = now * (now <= neuron.threshold) if resets else now
        ctx.save_for_backward(v)
        ctx.neuron, ctx.output, ctx.beta = neuron, output, beta
        if output:
            return v.to(drive.dtype, copy=True)
        return (v > neuron.threshold).to(drive.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (v,) = ctx.saved_tensors
        neuron, out = ctx.neuron, gradients[0].to(v.dtype, copy=True)
        if not ctx.output:
            with torch.enable_grad():
                x = (v - neuron.threshold).requires_grad_()
                (out,) = torch.autograd.grad(neuron.spike_grad(x).to(x.dtype), x, out)
        passed = ctx.beta * (v <= neuron.threshold) if _resets(neuron) else None
        steps = out.unbind(1)
        for t in range(len(steps) - 2, -1, -1):
            if passed is None:
                steps[t].add_(steps[t + 1], alpha=ctx.beta)
            else:
                steps[t].addcmul_(steps[t + 1], passed[:, t])
        return out.to(gradients[0].dtype), None, None


def _resets(neuron: snntorch.Leaky) -> bool:
    """Whether to zero; AssertionError for subtraction."""
    assert neuron.reset_mechanism in ("zero", "none"), neuron.reset_mechanism
    return bool(neuron.reset_mechanism == "zero")


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
