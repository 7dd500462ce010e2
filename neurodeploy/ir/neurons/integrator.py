"""integrator: a leaky membrane that is read out and never fires (NIR's I, LI, CubaLI).

Real, per step, input a:
    u = (1 - du) u + a;  v = (1 - dv) v + u + bias;  output = v
Fixed: Lava's LIF arithmetic without threshold; the output is the 24-bit v as a graded value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT
from neurodeploy.ir.neurons.cuba_lif import (
    SUBTHRESHOLD_PARAMETERS,
    fixed_subthreshold,
    lif_arguments,
    real_subthreshold,
    subthreshold_cost,
)
from neurodeploy.ir.neurons.model import (
    NEURON_MODELS,
    Array,
    Cost,
    Parameter,
    Params,
    State,
    Update,
)


class Integrator:
    name = "integrator"
    parameters: Mapping[str, Parameter] = SUBTHRESHOLD_PARAMETERS
    state: tuple[str, ...] = ("u", "v")
    spiking = False
    graded = True
    sends = "v"
    input_shift = MANTISSA_SHIFT
    lava_process = "neurodeploy.backends.lava.processes:Integrator"

    def cost(self, params: Params) -> Cost:
        return subthreshold_cost(params)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak = real_subthreshold(params, state, a)
        return Update({"u": u, "v": v}, v, peak)

    def fixed(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak, saturations = fixed_subthreshold(params, state, a)
        return Update({"u": u, "v": v}, v, peak, saturations)

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return lif_arguments(params)

    def message_scale(self, params: Params, scale: float) -> float:
        return scale


NEURON_MODELS.register(Integrator.name, Integrator())
