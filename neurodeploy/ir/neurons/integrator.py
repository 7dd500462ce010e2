"""integrator: a leaky membrane that is read out and never fires (NIR's I, LI, CubaLI).

Real, per step, input a:
    u = (1 - du) u + a;  v = (1 - dv) v + u + bias;  output = v
Fixed: Lava's LIF arithmetic without threshold; the output is the 24-bit v as a graded value.
"""

from __future__ import annotations

from neurodeploy.ir.neurons.cuba_lif import (
    fixed_subthreshold,
    real_subthreshold,
    subthreshold_cost,
)
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Cost, Params, State, Update


class Integrator:
    name = "integrator"
    parameters: tuple[str, ...] = ("du", "dv", "bias", "bias_exp", "v_init")
    state: tuple[str, ...] = ("u", "v")
    spiking = False
    lava_process = "neurodeploy.backends.lava.processes:Integrator"

    def cost(self, params: Params) -> Cost:
        return subthreshold_cost(params)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak = real_subthreshold(params, state, a)
        return Update({"u": u, "v": v}, v, peak)

    def fixed(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak, saturations = fixed_subthreshold(params, state, a)
        return Update({"u": u, "v": v}, v, peak, saturations)


NEURON_MODELS.register(Integrator.name, Integrator())
