"""refractory_lif: a hard reset to zero, and the step after a spike is lost with its input.

Real, per step, input a, s the spikes of the step before:
    u = (1 - du) u + a;  w = (1 - dv) v + u + bias
    v = 0 where s or w > vth, else w;  s = w > vth and not s
This is snnTorch's delayed reset to zero of Synaptic, RLeaky, RSynaptic and Lapicque; the current
goes on through the lost step. Fixed: Lava's LIF arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import subthreshold
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Cost, Params, State, Update
from neurodeploy.ir.neurons.subthreshold import Firing, real_subthreshold, subthreshold_cost


class RefractoryLif(Firing):
    name = "refractory_lif"
    state: tuple[str, ...] = ("u", "v", "s")

    def cost(self, params: Params) -> Cost:
        """The lost step is a flag that is looked at, as the threshold is."""
        cost = subthreshold_cost(params)
        return Cost(cost.multiplies, cost.adds, compares=2)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, w, peak = real_subthreshold(params, state, a)
        above, ready = w > params["vth"], state["s"] == 0
        spikes = (above & ready).astype(w.dtype)
        return Update({"u": u, "v": np.where(above | ~ready, 0.0, w), "s": spikes}, spikes, peak)

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        u, v, s = state
        du, dv, vth = population
        (bias,) = each
        u, w, peak, saturations = subthreshold(u, v, a, du, dv, bias)
        ready = 1 - s
        s = (w > vth) * ready
        return (u, w * (w <= vth) * ready, s), s, peak, saturations

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:RefractoryLIF"


NEURON_MODELS.register(RefractoryLif.name, RefractoryLif())
