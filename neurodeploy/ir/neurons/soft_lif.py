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

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, clipped
from neurodeploy.ir.neurons.cuba_lif import (
    SUBTHRESHOLD_PARAMETERS,
    THRESHOLD,
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


class SoftLif:
    name = "soft_lif"
    parameters: Mapping[str, Parameter] = {
        **SUBTHRESHOLD_PARAMETERS,
        "vth": THRESHOLD,
        "subtract": THRESHOLD,
    }
    state: tuple[str, ...] = ("u", "v", "s")
    spiking = True
    graded = False
    sends = "s"
    input_shift = MANTISSA_SHIFT
    lava_process = "neurodeploy.backends.lava.processes:SoftLIF"

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

    def fixed(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak, saturations = fixed_subthreshold(params, state, a)
        v, clips = clipped(v - (int(params["subtract"]) << MANTISSA_SHIFT) * state["s"])
        spikes = (v > (int(params["vth"]) << MANTISSA_SHIFT)).astype(np.int64)
        return Update({"u": u, "v": v, "s": spikes}, spikes, peak, saturations + clips)

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        thresholds = {key: int(params[key]) for key in ("vth", "subtract")}
        return {**lif_arguments(params), **thresholds}

    def message_scale(self, params: Params, scale: float) -> float:
        return 1.0


NEURON_MODELS.register(SoftLif.name, SoftLif())
