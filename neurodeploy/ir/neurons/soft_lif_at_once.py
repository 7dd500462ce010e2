"""soft_lif_at_once: reset by subtraction in the step of the spike (snnTorch's reset_delay=False).

Real, per step, input a, v after the subtraction of the step before:
    u = (1 - du) u + a;  w = (1 - dv) v + u + bias;  s = w - vth (v > vth) > vth;  v = w - vth s
A membrane that is above its threshold after a subtraction owes a second one, which snnTorch takes
before the next spike is tested, and adds again if there is none. Fixed: Lava's LIF arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, subthreshold
from neurodeploy.ir.neurons.cuba_lif import (
    SUBTHRESHOLD_INT32_INPUT,
    SUBTHRESHOLD_PARAMETERS,
    THRESHOLD,
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


class SoftLifAtOnce:
    name = "soft_lif_at_once"
    parameters: Mapping[str, Parameter] = {**SUBTHRESHOLD_PARAMETERS, "vth": THRESHOLD}
    state: tuple[str, ...] = ("u", "v")
    spiking = True
    graded = False
    sends = "s"
    input_shift = MANTISSA_SHIFT
    int32_input = SUBTHRESHOLD_INT32_INPUT

    def cost(self, params: Params) -> Cost:
        cost = subthreshold_cost(params)
        return Cost(cost.multiplies, cost.adds + 2, compares=2)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, w, peak = real_subthreshold(params, state, a)
        owed = params["vth"] * (state["v"] > params["vth"])
        spikes = (w - owed > params["vth"]).astype(w.dtype)
        return Update({"u": u, "v": w - params["vth"] * spikes}, spikes, peak)

    def fixed_constants(self, params: Params) -> Constants:
        return subthreshold_constants(params, "vth")

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        return at_once_step(state, a, population, each)

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:SoftLIFAtOnce"

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return {**lif_arguments(params), "vth": params["vth"]}

    def message_scale(self, params: Params, scale: float) -> float:
        return 1.0


NEURON_MODELS.register(SoftLifAtOnce.name, SoftLifAtOnce())
