"""soft_lif_at_once_message: a soft_lif_at_once whose membrane goes to neurons.

Real: soft_lif_at_once_membrane. Fixed: the same, and y = v / 64 to the nearest as its message, see
`integrator_message`.
"""

from __future__ import annotations

from typing import Any

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, nearest
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Params
from neurodeploy.ir.neurons.soft_lif_at_once import at_once_step
from neurodeploy.ir.neurons.soft_lif_at_once_membrane import SoftLifAtOnceMembrane
from neurodeploy.ir.neurons.subthreshold import Message


class SoftLifAtOnceMessage(Message, SoftLifAtOnceMembrane):
    name = "soft_lif_at_once_message"
    state: tuple[str, ...] = ("u", "v", "y")

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


NEURON_MODELS.register(SoftLifAtOnceMessage.name, SoftLifAtOnceMessage())
