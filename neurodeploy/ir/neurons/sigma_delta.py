"""sigma_delta: sums what arrives, rectifies it and sends changes larger than a threshold.

Real, per step, input a:
    sigma += a;  y = max(sigma + bias, 0);  d = y - act + residue;  act = y
    s = d where |d| >= vth, else 0;  residue = d - s
Fixed: `lava.proc.sdn.models.PySigmaDeltaModelFixed`, with vth and bias shifted up by spike_exp +
state_exp and the message s >> state_exp (floor). Its states are int32 and wrap; the chip has 24
bits, and a state that leaves them is counted as a saturation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import (
    BIAS_MANTISSA_MAX,
    STATE_LIMIT,
    THRESHOLD_MANTISSA_MAX,
    wrapped_int32,
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

EXPONENT = Parameter(0, 7, fixed_only=True)  # 3 bits in Lava
DELTA_PARAMETERS = {
    "vth": Parameter(0, THRESHOLD_MANTISSA_MAX),
    "spike_exp": EXPONENT,
    "state_exp": EXPONENT,
}


def state_shift(params: Params) -> int:
    """By how many bits vth, bias and a delta's input are shifted up."""
    return int(params["spike_exp"]) + int(params["state_exp"])


def real_delta(params: Params, state: State, y: Array) -> tuple[Array, Array]:
    """The message of a change to y, and the residue that it leaves."""
    change = y - state["act"] + state["residue"]
    sent = np.where(np.abs(change) >= params["vth"], change, 0.0)
    return sent, change - sent


def fixed_delta(params: Params, state: State, y: Array) -> tuple[Array, Array]:
    """`real_delta` in Lava's integers: the message shifted down by state_exp, the exact residue."""
    change = wrapped_int32(y - state["act"] + state["residue"])
    vth = int(params["vth"]) << state_shift(params)
    sent = np.where(wrapped_int32(np.abs(change)) >= vth, change, 0)
    return sent >> int(params["state_exp"]), change - sent


def beyond_24_bits(*states: Array) -> tuple[float, int]:
    """Largest magnitude, and how many neurons have a state that 24 bits do not hold."""
    largest = np.max(np.abs(np.stack(states)), axis=0)
    return float(largest.max(initial=0)), int((largest >= STATE_LIMIT).sum())


class SigmaDelta:
    name = "sigma_delta"
    parameters: Mapping[str, Parameter] = {
        **DELTA_PARAMETERS,
        "bias": Parameter(-BIAS_MANTISSA_MAX - 1, BIAS_MANTISSA_MAX, per_neuron=True),
    }
    state: tuple[str, ...] = ("sigma", "act", "residue")
    spiking = True
    graded = True
    sends = "s"
    input_shift = 0
    lava_process = "lava.proc.sdn.process:SigmaDelta"

    def cost(self, params: Params) -> Cost:
        """sigma += a, the bias if there is one, d = y - act + residue and residue = d - s;
        the rectifier and the threshold compare."""
        biased = int(np.any(np.asarray(params["bias"]) != 0))
        return Cost(multiplies=0, adds=4 + biased, compares=2)

    def real(self, params: Params, state: State, a: Array) -> Update:
        sigma = state["sigma"] + a
        y = np.maximum(sigma + params["bias"], 0.0)
        sent, residue = real_delta(params, state, y)
        peak = float(max(np.abs(sigma).max(initial=0.0), y.max(initial=0.0)))
        return Update({"sigma": sigma, "act": y, "residue": residue}, sent, peak)

    def fixed(self, params: Params, state: State, a: Array) -> Update:
        sigma = wrapped_int32(state["sigma"] + a)
        bias = np.asarray(params["bias"], dtype=np.int64) << state_shift(params)
        y = np.maximum(wrapped_int32(sigma + bias), 0)
        sent, residue = fixed_delta(params, state, y)
        peak, saturations = beyond_24_bits(sigma, y)
        return Update({"sigma": sigma, "act": y, "residue": residue}, sent, peak, saturations)

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        exponents = {key: int(params[key]) for key in DELTA_PARAMETERS}
        return {**exponents, "bias": params["bias"]}

    def message_scale(self, params: Params, scale: float) -> float:
        return scale / (1 << int(params["state_exp"]))


NEURON_MODELS.register(SigmaDelta.name, SigmaDelta())
