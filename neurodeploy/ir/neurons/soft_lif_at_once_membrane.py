"""soft_lif_at_once_membrane: a soft_lif_at_once that is heard by its membrane.

Real and fixed: soft_lif_at_once, with v after the subtraction as its output, every step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neurodeploy.ir.neurons.model import NEURON_MODELS, Array, Params, State, Update
from neurodeploy.ir.neurons.soft_lif_at_once import SoftLifAtOnce, at_once_step


class SoftLifAtOnceMembrane(SoftLifAtOnce):
    name = "soft_lif_at_once_membrane"
    spiking = False
    graded = True
    sends = "v"

    def real(self, params: Params, state: State, a: Array) -> Update:
        update = super().real(params, state, a)
        return replace(update, output=update.state["v"])

    @staticmethod
    def fixed_step(
        state: tuple[Array, ...], a: Array, population: tuple[Any, ...], each: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Array, Array, Array]:
        (u, v), _, peak, saturations = at_once_step(state, a, population, each)
        return (u, v), v, peak, saturations

    def lava_process(self, params: Params) -> str:
        return "neurodeploy.backends.lava.processes:SoftLIFAtOnceMembrane"

    def message_scale(self, params: Params, scale: float) -> float:
        return scale


NEURON_MODELS.register(SoftLifAtOnceMembrane.name, SoftLifAtOnceMembrane())
