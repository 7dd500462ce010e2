"""soft_lif: reset by subtraction, one step after the spike (snnTorch's default), or no reset.

Real, per step, input a, s the spikes of the step before:
    u = (1 - du) u + a;  v = (1 - dv) v + u + bias - subtract * s;  s = v > vth
`subtract` = threshold is snnTorch's reset_mechanism="subtract" with reset_delay=True;
`subtract` = 0 is reset_mechanism="none". Fixed: Lava's LIF arithmetic, the subtrahend a 17-bit
mantissa << 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import clipped, subthreshold
from neurodeploy.ir.neurons.model import (
    NEURON_MODELS,
    Array,
    Cost,
    Parameter,
    Params,
    State,
    Update,
)
from neurodeploy.ir.neurons.subthreshold import (
    THRESHOLD,
    Firing,
    real_subthreshold,
    subthreshold_cost,
)


def soft_step(
    state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
) -> tuple[tuple[Array, ...], Array, Array]:
    """u, v and the spikes, the peak and the saturations."""
    u, v, s = state
    du, dv, vth, subtract = population
    (bias,) = each
    u, v, peak, saturations = subthreshold(u, v, a, du, dv, bias)
    v, clips = clipped(v - subtract * s)
    return (u, v, (v > vth) * 1), peak, saturations + clips


class SoftLif(Firing):
    name = "soft_lif"
    thresholds: tuple[str, ...] = ("vth", "subtract")
    parameters: Mapping[str, Parameter] = {**Firing.parameters, "subtract": THRESHOLD}
    state: tuple[str, ...] = ("u", "v", "s")

    def cost(self, params: Params) -> Cost:
        cost = subthreshold_cost(params)
        reset = int(np.any(np.asarray(params["subtract"]) != 0))
        return Cost(cost.multiplies, cost.adds + reset, compares=1)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak = real_subthreshold(params, state, a)
        v = v - params["subtract"] * state["s"]
        spikes = (v > params["vth"]).astype(v.dtype)
        peak = max(peak, float(np.abs(v).max(initial=0.0)))
        return Update({"u": u, "v": v, "s": spikes}, spikes, peak)

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        (u, v, s), peak, saturations = soft_step(state, a, population, each)
        return (u, v, s), s, peak, saturations

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:SoftLIF"


NEURON_MODELS.register(SoftLif.name, SoftLif())
