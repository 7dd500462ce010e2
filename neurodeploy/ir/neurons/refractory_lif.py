"""refractory_lif: a hard reset to zero, and the step after a spike is lost with its input.

Real, per step, input a, s the spikes of the step before:
    u = (1 - du) u + a;  w = (1 - dv) v + u + bias
    v = 0 where s or w > vth, else w;  s = w > vth and not s
This is snnTorch's delayed reset to zero of Synaptic, RLeaky, RSynaptic and Lapicque; the current
goes on through the lost step. Fixed: Lava's LIF arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

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


class RefractoryLif:
    name = "refractory_lif"
    parameters: Mapping[str, Parameter] = {**SUBTHRESHOLD_PARAMETERS, "vth": THRESHOLD}
    state: tuple[str, ...] = ("u", "v", "s")
    spiking = True
    graded = False
    sends = "s"
    input_shift = MANTISSA_SHIFT
    int32_input = SUBTHRESHOLD_INT32_INPUT

    def cost(self, params: Params) -> Cost:
        """The lost step is a flag that is looked at, as the threshold is."""
        cost = subthreshold_cost(params)
        return Cost(cost.multiplies, cost.adds, compares=2)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, w, peak = real_subthreshold(params, state, a)
        above, ready = w > params["vth"], state["s"] == 0
        spikes = (above & ready).astype(w.dtype)
        return Update({"u": u, "v": np.where(above | ~ready, 0.0, w), "s": spikes}, spikes, peak)

    def fixed_constants(self, params: Params) -> Constants:
        return subthreshold_constants(params, "vth")

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

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return {**lif_arguments(params), "vth": params["vth"]}

    def message_scale(self, params: Params, scale: float) -> float:
        return 1.0


NEURON_MODELS.register(RefractoryLif.name, RefractoryLif())
