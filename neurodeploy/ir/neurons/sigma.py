"""sigma: the running sum of what arrives; how sigma-delta messages are read out.

Real and fixed, per step, input a:
    sigma += a;  output = sigma
Fixed: `lava.proc.sdn.models.PySigmaModelFixed`, an int32 that wraps; see sigma_delta.
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
from neurodeploy.ir.neurons.sigma_delta import beyond_24_bits


class Sigma:
    name = "sigma"
    parameters: Mapping[str, Parameter] = {}
    state: tuple[str, ...] = ("sigma",)
    spiking = False
    graded = True
    sends = "sigma"
    input_shift = 0
    int32_input = 0

    def cost(self, params: Params) -> Cost:
        return Cost(multiplies=0, adds=1, compares=0)

    def real(self, params: Params, state: State, a: Array) -> Update:
        sigma = state["sigma"] + a
        return Update({"sigma": sigma}, sigma, float(np.abs(sigma).max(initial=0.0)))

    def fixed_constants(self, params: Params) -> Constants:
        return Constants((), ())

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        (sigma,) = state
        sigma = wrapped_int32(sigma + a)
        peak = np.abs(sigma)
        return (sigma,), sigma, peak, beyond_24_bits(peak)

    def lava_process(self, params: Params) -> str:
        return "lava.proc.sdn.process:Sigma"

    def lava_arguments(self, params: Params) -> dict[str, Any]:
        return {}

    def message_scale(self, params: Params, scale: float) -> float:
        return scale


NEURON_MODELS.register(Sigma.name, Sigma())
