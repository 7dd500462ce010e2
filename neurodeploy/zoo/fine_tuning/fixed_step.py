"""Loihi's neuron update on torch tensors: exact integers forwards, the real derivative backwards.

Integers live in float64: exact as long as no state before wrapping reaches 2^41. Forwards
(ir.arithmetic; k = 4096 - decay, thresholds already << 6):

    u  = wrap(trunc(u ku / 4096) + 64 a)
    v  = clip(trunc(v kv / 4096) + u + bias);  v = clip(v - subtract s)
    s' = v > vth;                              v = 0 where s', if the reset is hard

Backwards rounding, wrapping, clipping and the reset are passed through (snnTorch detaches the reset
likewise), and a spike has the derivative of a fast sigmoid in real units x = (v - vth) / scale:

    ds'/dx = 1 / (1 + slope |x|)^2         Zenke & Ganguli 2018, doi:10.1162/neco_a_01086
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor

from neurodeploy.ir.arithmetic import DECAY_UNITY, DU_OFFSET, MANTISSA_SHIFT, STATE_LIMIT
from neurodeploy.ir.neurons.model import Params

State = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Dynamics:
    """The constants of a population's update; tensors have no dimension or the population's shape.

    An integrator is a neuron with an infinite threshold, whose v is what it sends.
    """

    kept_u: Tensor
    kept_v: Tensor
    vth: Tensor
    subtract: Tensor
    hard_reset: bool
    scale: float
    slope: float
    sends_v: bool


def _dynamics(
    params: Params, scale: float, slope: float, device: torch.device, **model: bool
) -> Dynamics:
    def integers(value: Any) -> Tensor:
        return torch.as_tensor(value, dtype=torch.float64, device=device)

    vth = params.get("vth")
    return Dynamics(
        kept_u=DECAY_UNITY - (integers(params["du"]) + DU_OFFSET),
        kept_v=DECAY_UNITY - integers(params["dv"]),
        vth=integers(inf) if vth is None else integers(vth) * (1 << MANTISSA_SHIFT),
        subtract=integers(params.get("subtract", 0)) * (1 << MANTISSA_SHIFT),
        scale=scale,
        slope=slope,
        **model,
    )


def _cuba_lif(params: Params, scale: float, slope: float, device: torch.device) -> Dynamics:
    return _dynamics(params, scale, slope, device, hard_reset=True, sends_v=False)


def _soft_lif(params: Params, scale: float, slope: float, device: torch.device) -> Dynamics:
    return _dynamics(params, scale, slope, device, hard_reset=False, sends_v=False)


def _integrator(params: Params, scale: float, slope: float, device: torch.device) -> Dynamics:
    return _dynamics(params, scale, slope, device, hard_reset=False, sends_v=True)


MODELS: dict[str, Callable[[Params, float, float, torch.device], Dynamics]] = {
    "cuba_lif": _cuba_lif,
    "soft_lif": _soft_lif,
    "integrator": _integrator,
}
"""The neuron models that can be trained through."""


class FixedStep(torch.autograd.Function):
    """`apply(u, v, s, a, bias, dynamics) -> (u, v, s)`: u, v, s, a `(B, *shape)`, bias `(*shape)`.

    u, v and bias in the state's integers, a in those of the weights.
    """

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, v: Tensor, s: Tensor, a: Tensor, bias: Tensor, d: Dynamics
    ) -> State:
        u = _wrapped(_decayed(u, d.kept_u) + a * (1 << MANTISSA_SHIFT))
        v = _clipped(_decayed(v, d.kept_v) + u + bias)
        v = _clipped(v - d.subtract * s)
        spikes = (v > d.vth).to(v.dtype)
        slope = (1.0 + (d.slope / d.scale) * (v - d.vth).abs()) ** -2 / d.scale
        kept = 1.0 - spikes if d.hard_reset else torch.ones(())
        ctx.save_for_backward(slope, kept)
        ctx.dynamics = d
        return u, v * kept if d.hard_reset else v, spikes

    @staticmethod
    def backward(ctx: Any, du: Tensor, dv: Tensor, ds: Tensor) -> tuple[Tensor | None, ...]:
        slope, kept = ctx.saved_tensors
        d: Dynamics = ctx.dynamics
        dv = dv * kept + ds * slope
        du = du + dv
        return (
            du * (d.kept_u / DECAY_UNITY),
            dv * (d.kept_v / DECAY_UNITY),
            None,
            du * (1 << MANTISSA_SHIFT),
            dv.sum(0),
            None,
        )


def _decayed(x: Tensor, kept: Tensor) -> Tensor:
    return torch.trunc(x * kept / DECAY_UNITY)


def _wrapped(x: Tensor) -> Tensor:
    turns = (x > STATE_LIMIT).to(x.dtype) - (x <= -STATE_LIMIT).to(x.dtype)
    return x - turns * (2 * STATE_LIMIT)


def _clipped(x: Tensor) -> Tensor:
    return x.clamp(1 - STATE_LIMIT, STATE_LIMIT - 1)
