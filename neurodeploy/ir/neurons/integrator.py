"""integrator: a leaky membrane that is read out and never fires (NIR's I, LI, CubaLI).

Real, per step, input a:
    u = (1 - du) u + a;  v = (1 - dv) v + u + bias;  output = v
Fixed: Lava's LIF arithmetic without threshold; the output is the 24-bit v as a graded value.
"""

from __future__ import annotations

from typing import Any

from neurodeploy.ir.arithmetic import subthreshold
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Cost, Params, State, Update
from neurodeploy.ir.neurons.subthreshold import Subthreshold, real_subthreshold, subthreshold_cost


class Integrator(Subthreshold):
    name = "integrator"
    spiking = False
    graded = True
    sends = "v"

    def cost(self, params: Params) -> Cost:
        return subthreshold_cost(params)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak = real_subthreshold(params, state, a)
        return Update({"u": u, "v": v}, v, peak)

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        u, v = state
        du, dv = population
        (bias,) = each
        u, v, peak, saturations = subthreshold(u, v, a, du, dv, bias)
        return (u, v), v, peak, saturations

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:Integrator"

    def message_scale(self, params: Params, scale: float) -> float:
        return scale


NEURON_MODELS.register(Integrator.name, Integrator())
