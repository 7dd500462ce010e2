"""integrator_message: an integrator whose membrane goes to neurons, in fewer bits than it is held.

Real: integrator. Fixed: integrator, and y = v / 64 to the nearest, halves up, as its message of 18
bits: one of all 24 would leave no bits for the weights that it meets.
"""

from __future__ import annotations

from typing import Any

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, nearest, subthreshold
from neurodeploy.ir.neurons.integrator import Integrator
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Params
from neurodeploy.ir.neurons.subthreshold import Message


class IntegratorMessage(Message, Integrator):
    name = "integrator_message"
    state: tuple[str, ...] = ("u", "v", "y")

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        u, v, _ = state
        du, dv = population
        (bias,) = each
        u, v, peak, saturations = subthreshold(u, v, a, du, dv, bias)
        y = nearest(v, MANTISSA_SHIFT)
        return (u, v, y), y, peak, saturations

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:IntegratorMessage"


NEURON_MODELS.register(IntegratorMessage.name, IntegratorMessage())
