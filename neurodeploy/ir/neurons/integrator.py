"""integrator: a leaky membrane that is read out and never fires (NIR's I, LI, CubaLI).

Real, per step, input a:
    u = (1 - du) u + a;  v = (1 - dv) v + u + bias;  output = v
Fixed: Lava's LIF arithmetic without threshold; the output is the 24-bit v as a graded value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, subthreshold
from neurodeploy.ir.neurons.cuba_lif import (
    SUBTHRESHOLD_INT32_INPUT,
    SUBTHRESHOLD_PARAMETERS,
    lif_arguments,
    real_subthreshold,
    subthreshold_constants,
    subthreshold_cost,
)
from neurodeploy.ir.neurons.model import (
    NEURON_MODELS,
    Array,
    Constants,
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
    int32_input = SUBTHRESHOLD_INT32_INPUT

    def cost(self, params: Params) -> Cost:
        return subthreshold_cost(params)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak = real_subthreshold(params, state, a)
        return Update({"u": u, "v": v}, v, peak)

    def fixed_constants(self, params: Params) -> Constants:
        return subthreshold_constants(params)

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

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return lif_arguments(params)

    def message_scale(self, params: Params, scale: float) -> float:
        return scale


NEURON_MODELS.register(Integrator.name, Integrator())
