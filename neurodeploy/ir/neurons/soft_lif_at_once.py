"""soft_lif_at_once: reset by subtraction in the step of the spike (snnTorch's reset_delay=False).

Real, per step, input a, v after the subtraction of the step before:
    u = (1 - du) u + a;  w = (1 - dv) v + u + bias;  s = w - vth (v > vth) > vth;  v = w - vth s
A membrane that is above its threshold after a subtraction owes a second one, which snnTorch takes
before the next spike is tested, and adds again if there is none. Fixed: Lava's LIF arithmetic.
"""

from __future__ import annotations

from typing import Any

from neurodeploy.ir.arithmetic import subthreshold
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Cost, Params, State, Update
from neurodeploy.ir.neurons.subthreshold import Firing, real_subthreshold, subthreshold_cost


def at_once_step(
    state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
) -> tuple[tuple[Array, ...], Array, Array, Array]:
    """u and v after the subtraction, the spikes, the peak and the saturations."""
    u, v = state
    du, dv, vth = population
    (bias,) = each
    owed = (v > vth) * vth
    u, w, peak, saturations = subthreshold(u, v, a, du, dv, bias)
    s = (w - owed > vth) * 1
    return (u, w - vth * s), s, peak, saturations


class SoftLifAtOnce(Firing):
    name = "soft_lif_at_once"

    def cost(self, params: Params) -> Cost:
        cost = subthreshold_cost(params)
        return Cost(cost.multiplies, cost.adds + 2, compares=2)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, w, peak = real_subthreshold(params, state, a)
        owed = params["vth"] * (state["v"] > params["vth"])
        spikes = (w - owed > params["vth"]).astype(w.dtype)
        return Update({"u": u, "v": w - params["vth"] * spikes}, spikes, peak)

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        return at_once_step(state, a, population, each)

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:SoftLIFAtOnce"


NEURON_MODELS.register(SoftLifAtOnce.name, SoftLifAtOnce())
