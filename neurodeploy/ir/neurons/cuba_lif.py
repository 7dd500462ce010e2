"""cuba_lif: current-based leaky integrate-and-fire with a hard reset to zero.

Real, per step, input a:
    u = (1 - du) u + a;  v = (1 - dv) v + u + bias;  s = v > vth;  v = 0 where s
LIF and IF are du = 1 (no memory of the current); a memoryless threshold is du = dv = 1.
Fixed: `lava.proc.lif.models.PyLifModelBitAcc`.
"""

from __future__ import annotations

import numpy as np

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, effective_bias, subthreshold
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Cost, Params, State, Update


def real_subthreshold(params: Params, state: State, a: Array) -> tuple[Array, Array, float]:
    """u and v before any reset, and the largest magnitude of either."""
    u = (1.0 - params["du"]) * state["u"] + a
    v = (1.0 - params["dv"]) * state["v"] + u + params["bias"]
    return u, v, float(max(np.abs(u).max(initial=0.0), np.abs(v).max(initial=0.0)))


def fixed_subthreshold(params: Params, state: State, a: Array) -> tuple[Array, Array, float, int]:
    """`arithmetic.subthreshold` with a population's parameters."""
    bias = effective_bias(params["bias"], int(params["bias_exp"]))
    du, dv = int(params["du"]), int(params["dv"])
    return subthreshold(state["u"], state["v"], a, du, dv, bias)


def subthreshold_cost(params: Params) -> Cost:
    """One multiply per decaying state, one add per v += u, per u += a of a current with memory and
    per non-zero bias. The add of a synaptic event is the synapse's, not the neuron's."""
    unity = 1 << 12 if np.issubdtype(np.asarray(params["du"]).dtype, np.integer) else 1.0
    keeps_current = bool(np.any(np.asarray(params["du"]) < (unity - 1 if unity > 1 else unity)))
    dv = np.asarray(params["dv"])
    leaks = bool(np.any((dv > 0) & (dv < unity)))
    biased = bool(np.any(np.asarray(params["bias"]) != 0))
    return Cost(multiplies=leaks + keeps_current, adds=1 + keeps_current + biased, compares=0)


class CubaLif:
    name = "cuba_lif"
    parameters: tuple[str, ...] = ("du", "dv", "vth", "bias", "bias_exp", "v_init")
    state: tuple[str, ...] = ("u", "v")
    spiking = True
    lava_process = "lava.proc.lif.process:LIF"

    def cost(self, params: Params) -> Cost:
        cost = subthreshold_cost(params)
        return Cost(cost.multiplies, cost.adds, compares=1)

    def real(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak = real_subthreshold(params, state, a)
        spikes = v > params["vth"]
        return Update({"u": u, "v": np.where(spikes, 0.0, v)}, spikes.astype(v.dtype), peak)

    def fixed(self, params: Params, state: State, a: Array) -> Update:
        u, v, peak, saturations = fixed_subthreshold(params, state, a)
        spikes = v > (int(params["vth"]) << MANTISSA_SHIFT)
        state_out = {"u": u, "v": np.where(spikes, 0, v)}
        return Update(state_out, spikes.astype(np.int64), peak, saturations)


NEURON_MODELS.register(CubaLif.name, CubaLif())
