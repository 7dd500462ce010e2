"""Loihi's neuron update on torch tensors: exact integers forwards, the real derivative backwards.

Integers live in float64: exact as long as no state before wrapping reaches 2^41. Forwards
(ir.arithmetic; k = 4096 - decay, thresholds already << 6):

    u  = wrap(trunc(u ku / 4096) + 64 a)
    w  = clip(trunc(v kv / 4096) + u + bias)
    s' = w > vth, and by the kind of reset
        zero        v = w, 0 where s'
        refractory  likewise, and where s there is neither spike nor v
        subtract    w = clip(w - subtract s) before the test, v = w
        at_once     s' = w - vth (v > vth) > vth,  v = w - vth s'

Backwards rounding, wrapping, clipping and the reset are passed through (snnTorch detaches the reset
likewise), and a spike has the derivative of a fast sigmoid in real units x = (v - vth) / scale:

    ds'/dx = 1 / (1 + slope |x|)^2         Zenke & Ganguli 2018, doi:10.1162/neco_a_01086
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import torch
from torch import Tensor

from neurodeploy.ir.arithmetic import DECAY_UNITY, DU_OFFSET, MANTISSA_SHIFT, STATE_LIMIT
from neurodeploy.ir.program import Neuron

State = tuple[Tensor, Tensor, Tensor]


Reset = Literal["zero", "refractory", "subtract", "at_once"]
Sends = Literal["spikes", "v", "message"]


@dataclass(frozen=True)
class Model:
    """How a neuron model resets, and what it sends: spikes, v, or v / 64 as a message. An
    integrator is one with an infinite threshold."""

    reset: Reset
    sends: Sends = "spikes"


MODELS = {
    "cuba_lif": Model("zero"),
    "refractory_lif": Model("refractory"),
    "soft_lif": Model("subtract"),
    "soft_lif_membrane": Model("subtract", "v"),
    "soft_lif_at_once": Model("at_once"),
    "soft_lif_at_once_membrane": Model("at_once", "v"),
    "integrator": Model("zero", "v"),
    "soft_lif_message": Model("subtract", "message"),
    "soft_lif_at_once_message": Model("at_once", "message"),
    "integrator_message": Model("zero", "message"),
}
"""The neuron models that can be trained through."""


@dataclass(frozen=True)
class Dynamics:
    """The constants of a population's update; tensors have no dimension or the population's shape.

    scale: integers per real unit of v; slope: of the surrogate gradient.
    """

    model: Model
    kept_u: Tensor
    kept_v: Tensor
    vth: Tensor
    subtract: Tensor
    scale: float
    slope: float

    @classmethod
    def of(cls, neuron: Neuron, slope: float, device: torch.device) -> Dynamics:
        def integers(value: Any) -> Tensor:
            return torch.as_tensor(value, dtype=torch.float64, device=device)

        p = neuron.params
        return cls(
            model=MODELS[neuron.model],
            kept_u=DECAY_UNITY - (integers(p["du"]) + DU_OFFSET),
            kept_v=DECAY_UNITY - integers(p["dv"]),
            vth=integers(p.get("vth", inf)) * (1 << MANTISSA_SHIFT),
            subtract=integers(p.get("subtract", 0)) * (1 << MANTISSA_SHIFT),
            scale=neuron.scale,
            slope=slope,
        )


class FixedStep(torch.autograd.Function):
    """`apply(u, v, s, a, bias, dynamics) -> (u, v, s)`: u, v, s, a `(B, *shape)`, bias `(*shape)`.

    u, v and bias in the state's integers, a in those of the weights.
    """

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, v: Tensor, s: Tensor, a: Tensor, bias: Tensor, d: Dynamics
    ) -> State:
        u = _wrapped(_decayed(u, d.kept_u) + a * (1 << MANTISSA_SHIFT))
        w = _clipped(_decayed(v, d.kept_v) + u + bias)
        if d.model.reset == "subtract":
            w = _clipped(w - d.subtract * s)
        over = w - d.vth
        if d.model.reset == "at_once":
            over = torch.where(v > d.vth, over - d.vth, over)
        spikes = (over > 0).to(v.dtype)
        slope = (1.0 + (d.slope / d.scale) * over.abs()) ** -2 / d.scale
        kept = torch.ones_like(v)
        if d.model.reset in ("zero", "refractory"):
            kept = 1.0 - spikes
        if d.model.reset == "refractory":
            ready = 1.0 - s
            spikes, slope, kept = spikes * ready, slope * ready, kept * ready
        ctx.save_for_backward(slope, kept)
        ctx.dynamics = d
        return u, _reset(w, spikes, kept, d), spikes

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


def _reset(w: Tensor, spikes: Tensor, kept: Tensor, d: Dynamics) -> Tensor:
    if d.model.reset == "at_once":
        return torch.where(spikes > 0, w - d.vth, w)
    return w if d.model.reset == "subtract" else w * kept


def _decayed(x: Tensor, kept: Tensor) -> Tensor:
    return torch.trunc(x * kept / DECAY_UNITY)


def _wrapped(x: Tensor) -> Tensor:
    turns = (x > STATE_LIMIT).to(x.dtype) - (x <= -STATE_LIMIT).to(x.dtype)
    return x - turns * (2 * STATE_LIMIT)


def _clipped(x: Tensor) -> Tensor:
    return x.clamp(1 - STATE_LIMIT, STATE_LIMIT - 1)
