"""cuba_lif: current-based leaky integrate-and-fire with a hard reset to zero.

Real, per step, input a:
    u = (1 - du) u + a;  v = (1 - dv) v + u + bias;  s = v > vth;  v = 0 where s
LIF and IF are du = 1 (no memory of the current); a memoryless threshold is du = dv = 1.
Fixed: `lava.proc.lif.models.PyLifModelBitAcc`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import subthreshold
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Cost, Params, State, Update
from neurodeploy.ir.neurons.subthreshold import Firing, real_subthreshold, subthreshold_cost


class CubaLif(Firing):
    name = "cuba_lif"

    def cost(self, params: Params) -> Cost:
        cost = subthreshold_cost(params)
        return Cost(cost.multiplies, cost.adds, compares=1)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak = real_subthreshold(params, state, a)
        spikes = v > params["vth"]
        return Update({"u": u, "v": np.where(spikes, 0.0, v)}, spikes.astype(v.dtype), peak)

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        u, v = state
        du, dv, vth = population
        (bias,) = each
        u, v, peak, saturations = subthreshold(u, v, a, du, dv, bias)
        return (u, v * (v <= vth)), (v > vth) * 1, peak, saturations

    def lava_process(self, params: Params) -> str:
        """Lava's own LIF has one du, dv and vth for all neurons."""
        if self.fixed_constants(params).uniform:
            return "lava.proc.lif.process:LIF"
        return "neurodeploy.backends.lava.processes:ProfiledLIF"


NEURON_MODELS.register(CubaLif.name, CubaLif())
