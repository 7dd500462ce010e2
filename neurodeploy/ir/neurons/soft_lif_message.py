"""soft_lif_message: a soft_lif whose membrane goes to neurons; its spikes only subtract.

Real: soft_lif_membrane. Fixed: the same, and y = v / 64 to the nearest as its message, see
`integrator_message`.
"""

from __future__ import annotations

from typing import Any

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, nearest
from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Params
from neurodeploy.ir.neurons.soft_lif import soft_step
from neurodeploy.ir.neurons.soft_lif_membrane import SoftLifMembrane
from neurodeploy.ir.neurons.subthreshold import Message


class SoftLifMessage(Message, SoftLifMembrane):
    name = "soft_lif_message"
    state: tuple[str, ...] = ("u", "v", "fired", "y")

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        u, v, s, _ = state
        (u, v, s), peak, saturations = soft_step((u, v, s), a, population, each)
        y = nearest(v, MANTISSA_SHIFT)
        return (u, v, s, y), y, peak, saturations

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:SoftLIFMessage"


NEURON_MODELS.register(SoftLifMessage.name, SoftLifMessage())
