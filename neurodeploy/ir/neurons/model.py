"""What a neuron model is: one update rule over a population's state, real and fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neurodeploy.registry import Registry

Array = np.ndarray[Any, np.dtype[Any]]
State = Mapping[str, Array]
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Cost:
    """Arithmetic of one update of one neuron, memoryless current included as no operation."""

    multiplies: int
    adds: int
    compares: int


@dataclass(frozen=True)
class Update:
    """What one step leaves.

    state: arrays `(B, *shape)`; output: spikes 0/1 or graded values `(B, *shape)`;
    peak: largest |u| or |v| before reset and before any overflow;
    saturations: number of neurons whose u wrapped or whose v was clipped (fixed only).
    """

    state: dict[str, Array]
    output: Array
    peak: float
    saturations: int = 0


class NeuronModel(Protocol):
    """The contract of a file in this folder.

    `real` and `fixed` are pure: state and input `a` of shape `(B, *shape)` to an `Update`.
    `fixed` is Loihi's integer arithmetic as Lava's bit-accurate models compute it.
    `lava_process` names, as `module:Class`, the Lava process that the model runs as.
    """

    name: str
    parameters: tuple[str, ...]
    state: tuple[str, ...]
    spiking: bool
    lava_process: str

    def cost(self, params: Params) -> Cost: ...

    def real(self, params: Params, state: State, a: Array) -> Update: ...

    def fixed(self, params: Params, state: State, a: Array) -> Update: ...


NEURON_MODELS: Registry[NeuronModel] = Registry("neuron model", "neurodeploy.ir.neurons")
