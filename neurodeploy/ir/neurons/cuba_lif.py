"""cuba_lif: current-based leaky integrate-and-fire with a hard reset to zero.

Real, per step, input a:
    u = (1 - du) u + a;  v = (1 - dv) v + u + bias;  s = v > vth;  v = 0 where s
LIF and IF are du = 1 (no memory of the current); a memoryless threshold is du = dv = 1.
Fixed: `lava.proc.lif.models.PyLifModelBitAcc`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import (
    BIAS_EXP_MAX,
    BIAS_MANTISSA_MAX,
    DECAY_UNITY,
    DU_OFFSET,
    MANTISSA_SHIFT,
    STATE_LIMIT,
    THRESHOLD_MANTISSA_MAX,
    effective_bias,
    subthreshold,
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
    integers,
)

THRESHOLD = Parameter(0, THRESHOLD_MANTISSA_MAX, per_neuron=True)
SUBTHRESHOLD_PARAMETERS = {
    # -1 and 4096, no decay of u and no memory of v, are what lava-dl gives Lava's simulation: the
    # 12 bits of the chip's registers do not hold them
    "du": Parameter(-DU_OFFSET, DECAY_UNITY - 1, per_neuron=True),
    "dv": Parameter(0, DECAY_UNITY, per_neuron=True),
    "bias": Parameter(-BIAS_MANTISSA_MAX - 1, BIAS_MANTISSA_MAX, per_neuron=True),
    "bias_exp": Parameter(0, BIAS_EXP_MAX, fixed_only=True),
    "v_init": Parameter(1 - STATE_LIMIT, STATE_LIMIT - 1, per_neuron=True),
}

# a << 6, a state of 2^29, their sum and a bias stay within 2^31
SUBTHRESHOLD_INT32_INPUT = 1 << 23


def real_subthreshold(params: Params, state: State, a: Array) -> tuple[Array, Array, float]:
    """u and v before any reset, and the largest magnitude of either."""
    u = (1.0 - params["du"]) * state["u"] + a
    v = (1.0 - params["dv"]) * state["v"] + u + params["bias"]
    return u, v, float(max(np.abs(u).max(initial=0.0), np.abs(v).max(initial=0.0)))


def subthreshold_constants(params: Params, *mantissas: str) -> Constants:
    """du, dv and the named mantissas << 6 of the population; the bias of each neuron."""
    shifted_up = (integers(params[key]) << MANTISSA_SHIFT for key in mantissas)
    bias = effective_bias(params["bias"], int(params["bias_exp"]))
    return Constants((integers(params["du"]), integers(params["dv"]), *shifted_up), (bias,))


def keeps_current(params: Params) -> bool:
    """Whether any of u lasts to the next step."""
    lost, unity = _lost(params)
    return bool(np.any(lost < unity))


def _lost(params: Params) -> tuple[Array, float]:
    """What of u is lost in a step, and what all of it is."""
    du = np.asarray(params["du"])
    if np.issubdtype(du.dtype, np.integer):
        return du + DU_OFFSET, DECAY_UNITY
    return du, 1.0


def subthreshold_cost(params: Params) -> Cost:
    """One multiply per decaying state, one add per v += u, per u += a of a current with memory and
    per non-zero bias. The add of a synaptic event is the synapse's, not the neuron's."""
    lost, unity = _lost(params)
    dv = np.asarray(params["dv"])
    decays = bool(np.any((lost > 0) & (lost < unity)))
    leaks = bool(np.any((dv > 0) & (dv < unity)))
    biased = bool(np.any(np.asarray(params["bias"]) != 0))
    return Cost(multiplies=leaks + decays, adds=1 + keeps_current(params) + biased, compares=0)


def lif_arguments(params: Params) -> dict[str, Any]:
    """Keyword arguments that all processes built on Lava's `AbstractLIF` share."""
    return {
        "u": 0,
        "v": params["v_init"],
        "du": params["du"],
        "dv": params["dv"],
        "bias_mant": params["bias"],
        "bias_exp": int(params["bias_exp"]),
        "name": None,
        "log_config": None,
    }


class CubaLif:
    name = "cuba_lif"
    parameters: Mapping[str, Parameter] = {**SUBTHRESHOLD_PARAMETERS, "vth": THRESHOLD}
    state: tuple[str, ...] = ("u", "v")
    spiking = True
    graded = False
    sends = "s"
    input_shift = MANTISSA_SHIFT
    int32_input = SUBTHRESHOLD_INT32_INPUT

    def cost(self, params: Params) -> Cost:
        cost = subthreshold_cost(params)
        return Cost(cost.multiplies, cost.adds, compares=1)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak = real_subthreshold(params, state, a)
        spikes = v > params["vth"]
        return Update({"u": u, "v": np.where(spikes, 0.0, v)}, spikes.astype(v.dtype), peak)

    def fixed_constants(self, params: Params) -> Constants:
        return subthreshold_constants(params, "vth")

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

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return {**lif_arguments(params), "vth": params["vth"]}

    def message_scale(self, params: Params, scale: float) -> float:
        return 1.0


NEURON_MODELS.register(CubaLif.name, CubaLif())
