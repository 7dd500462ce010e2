"""delta: sends the changes of its input that are larger than a threshold; how values come in.

Real, per step, input a:
    d = a - act + residue;  act = a;  s = d where |d| >= vth, else 0;  residue = d - s
Fixed: `lava.proc.sdn.models.PyDeltaModelFixed`; see sigma_delta.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import wrapped_int32
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
from neurodeploy.ir.neurons.sigma_delta import (
    DELTA_PARAMETERS,
    beyond_24_bits,
    delta_constants,
    fixed_delta,
    real_delta,
    state_shift,
)


class Delta:
    name = "delta"
    parameters: Mapping[str, Parameter] = DELTA_PARAMETERS
    state: tuple[str, ...] = ("act", "residue")
    spiking = True
    graded = True
    sends = "s"
    input_shift = 0
    int32_input = 0

    def cost(self, params: Params) -> Cost:
        return Cost(multiplies=0, adds=3, compares=1)

    def real(self, params: Params, state: State, a: Array) -> Update:
        sent, residue = real_delta(params, state, a)
        return Update({"act": a, "residue": residue}, sent, float(np.abs(a).max(initial=0.0)))

    def fixed_constants(self, params: Params) -> Constants:
        return Constants((*delta_constants(params), state_shift(params)), ())

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        before, residue = state
        vth, state_exp, shift = population
        act = wrapped_int32(a << shift)
        sent, residue = fixed_delta(act - before + residue, vth, state_exp)
        peak = np.abs(act)
        return (act, residue), sent, peak, beyond_24_bits(peak)

    def lava_process(self, params: Params) -> str:
        return "lava.proc.sdn.process:Delta"

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return {key: int(params[key]) for key in DELTA_PARAMETERS}

    def message_scale(self, params: Params, scale: float) -> float:
        return scale / (1 << int(params["state_exp"]))


NEURON_MODELS.register(Delta.name, Delta())
