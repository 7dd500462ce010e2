"""soft_lif_at_once_message: a soft_lif_at_once whose membrane goes to neurons.

Real: soft_lif_at_once_membrane. Fixed: the same, and y = v / 64 to the nearest as its message, see
`integrator_message`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, nearest
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Params, State, Update
from neurodeploy.ir.neurons.soft_lif_at_once import at_once_step
from neurodeploy.ir.neurons.soft_lif_at_once_membrane import SoftLifAtOnceMembrane


class SoftLifAtOnceMessage(SoftLifAtOnceMembrane):
    name = "soft_lif_at_once_message"
    state: tuple[str, ...] = ("u", "v", "y")
    sends = "y"

    def real(self, params: Params, state: State, a: Array) -> Update:
        update = super().real(params, state, a)
        return replace(update, state={**update.state, "y": update.output})

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        u, v, _ = state
        (u, v), _, peak, saturations = at_once_step((u, v), a, population, each)
        y = nearest(v, MANTISSA_SHIFT)
        return (u, v, y), y, peak, saturations

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:SoftLIFAtOnceMessage"

    def message_scale(self, params: Params, scale: float) -> float:
        return scale / (1 << MANTISSA_SHIFT)


NEURON_MODELS.register(SoftLifAtOnceMessage.name, SoftLifAtOnceMessage())
