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
    Constants,
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


def delta_constants(params: Params) -> tuple[int, int]:
    """vth in units of the state, and by how many bits a message is shifted down."""
    return int(params["vth"]) << state_shift(params), int(params["state_exp"])


def fixed_delta(change: Array, vth: int, state_exp: int) -> tuple[Array, Array]:
    """`real_delta` in Lava's integers: the message shifted down by state_exp, the exact residue."""
    change = wrapped_int32(change)
    sent = change * (wrapped_int32(np.abs(change)) >= vth)
    return sent >> state_exp, change - sent


def beyond_24_bits(largest: Array) -> Array:
    """1 where 24 bits do not hold the largest magnitude of a neuron's states."""
    return (largest >= STATE_LIMIT) * 1


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
    int32_input = 0

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

    def fixed_constants(self, params: Params) -> Constants:
        bias = np.asarray(params["bias"], dtype=np.int64) << state_shift(params)
        return Constants(delta_constants(params), (bias,))

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        sigma, act, residue = state
        vth, state_exp = population
        (bias,) = each
        sigma = wrapped_int32(sigma + a)
        y = np.maximum(wrapped_int32(sigma + bias), 0)
        sent, residue = fixed_delta(y - act + residue, vth, state_exp)
        peak = np.maximum(np.abs(sigma), y)
        return (sigma, y, residue), sent, peak, beyond_24_bits(peak)

    def lava_process(self, params: Params) -> str:
        return "lava.proc.sdn.process:SigmaDelta"

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        exponents = {key: int(params[key]) for key in DELTA_PARAMETERS}
        return {**exponents, "bias": params["bias"]}

    def message_scale(self, params: Params, scale: float) -> float:
        return scale / (1 << int(params["state_exp"]))


NEURON_MODELS.register(SigmaDelta.name, SigmaDelta())
