"""soft_lif_membrane: a soft_lif that is heard by its membrane; its spikes only subtract.

Real and fixed: soft_lif, with v instead of the spikes as its output, every step; `fired` are the
spikes, which nobody gets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Params, State, Update
from neurodeploy.ir.neurons.soft_lif import SoftLif, soft_step


class SoftLifMembrane(SoftLif):
    name = "soft_lif_membrane"
    state: tuple[str, ...] = ("u", "v", "fired")
    spiking = False
    graded = True
    sends = "v"

    def real(self, params: Params, state: State, a: Array) -> Update:
        update = super().real(params, {**state, "s": state["fired"]}, a)
        after = {"u": update.state["u"], "v": update.state["v"], "fired": update.output}
        return replace(update, state=after, output=after["v"])

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        (u, v, s), peak, saturations = soft_step(state, a, population, each)
        return (u, v, s), v, peak, saturations

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:SoftLIFMembrane"

    def message_scale(self, params: Params, scale: float) -> float:
        return scale


NEURON_MODELS.register(SoftLifMembrane.name, SoftLifMembrane())
