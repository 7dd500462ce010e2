"""What all neuron models on Lava's LIF arithmetic have in common.

Real, per step, input a: u = (1 - du) u + a;  v = (1 - dv) v + u + bias; a model says what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
)
from neurodeploy.ir.neurons.model import (
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
_PARAMETERS = {
    # -1 and 4096, no decay of u and no memory of v, are what lava-dl gives Lava's simulation: the
    # 12 bits of the chip's registers do not hold them
    "du": Parameter(-DU_OFFSET, DECAY_UNITY - 1, per_neuron=True),
    "dv": Parameter(0, DECAY_UNITY, per_neuron=True),
    "bias": Parameter(-BIAS_MANTISSA_MAX - 1, BIAS_MANTISSA_MAX, per_neuron=True),
    "bias_exp": Parameter(0, BIAS_EXP_MAX, fixed_only=True),
    "v_init": Parameter(1 - STATE_LIMIT, STATE_LIMIT - 1, per_neuron=True),
}

# a << 6, a state of 2^29, their sum and a bias stay within 2^31
_INT32_INPUT = 1 << 23


def real_subthreshold(params: Params, state: State, a: Array) -> tuple[Array, Array, float]:
    """u and v before any reset, and the largest magnitude of either."""
    u = (1.0 - params["du"]) * state["u"] + a
    v = (1.0 - params["dv"]) * state["v"] + u + params["bias"]
    return u, v, float(max(np.abs(u).max(initial=0.0), np.abs(v).max(initial=0.0)))


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


class Subthreshold:
    """The attributes of a model on this arithmetic; `thresholds` are its mantissas shifted by 6.

    Built on Lava's `AbstractLIF`, whose keyword arguments `lava_arguments` are.
    """

    thresholds: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = _PARAMETERS
    state: tuple[str, ...] = ("u", "v")
    input_shift = MANTISSA_SHIFT
    int32_input = _INT32_INPUT

    def fixed_constants(self, params: Params) -> Constants:
        """du, dv and the thresholds << 6 of the population; the bias of each neuron."""
        shifted_up = (integers(params[key]) << MANTISSA_SHIFT for key in self.thresholds)
        bias = effective_bias(params["bias"], int(params["bias_exp"]))
        return Constants((integers(params["du"]), integers(params["dv"]), *shifted_up), (bias,))

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return {
            "u": 0,
            "v": params["v_init"],
            "du": params["du"],
            "dv": params["dv"],
            "bias_mant": params["bias"],
            "bias_exp": int(params["bias_exp"]),
            **{key: params[key] for key in self.thresholds},
            "name": None,
            "log_config": None,
        }


class Firing(Subthreshold):
    """A model with a threshold that sends its spikes."""

    thresholds: tuple[str, ...] = ("vth",)
    parameters: Mapping[str, Parameter] = {**_PARAMETERS, "vth": THRESHOLD}
    spiking = True
    graded = False
    sends = "s"

    def message_scale(self, params: Params, scale: float) -> float:
        return 1.0


class Message:
    """Before a model that sends its membrane v: it sends y = v / 64 to the nearest instead.

    One of all 24 bits would leave no bits for the weights that it meets.
    """

    sends = "y"

    def real(self, params: Params, state: State, a: Array) -> Update:
        update: Update = super().real(params, state, a)  # type: ignore[misc]  # the model's
        return replace(update, state={**update.state, "y": update.output})

    def message_scale(self, params: Params, scale: float) -> float:
        return scale / (1 << MANTISSA_SHIFT)
