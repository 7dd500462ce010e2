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
class Parameter:
    """Smallest and largest integer of a parameter in fixed arithmetic.

    per_neuron: may be an array of the population's shape there, else one value per population.
    fixed_only: a real Program does not have it.
    """

    low: int
    high: int
    per_neuron: bool = False
    fixed_only: bool = False


@dataclass(frozen=True)
class Update:
    """What one step leaves.

    state: arrays `(B, *shape)`; output: spikes 0/1 or graded values `(B, *shape)`;
    peak: largest magnitude of a state before reset and before any overflow;
    saturations: number of neurons with a state that left its register (fixed only).
    """

    state: dict[str, Array]
    output: Array
    peak: float
    saturations: int = 0


class NeuronModel(Protocol):
    """The contract of a file in this folder.

    `real` and `fixed` are pure: state and input `a` of shape `(B, *shape)` to an `Update`.
    `fixed` is Loihi's integer arithmetic as Lava's bit-accurate models compute it.
    spiking: a message of 0 is none at all, so that messages are events; graded: a message carries
    a value. `sends` is "s", or the state that a read-out sends at every step.
    input_shift: by how many bits the fixed update shifts its input up.
    `lava_process` names, as `module:Class`, the Lava process that the model runs as, and
    `lava_arguments` its keyword arguments but for the shape.
    `message_scale` is the integers per real unit of a message of a population of `scale`.
    """

    name: str
    parameters: Mapping[str, Parameter]
    state: tuple[str, ...]
    spiking: bool
    graded: bool
    sends: str
    input_shift: int
    lava_process: str

    def cost(self, params: Params) -> Cost: ...

    def real(self, params: Params, state: State, a: Array) -> Update: ...

    def fixed(self, params: Params, state: State, a: Array) -> Update: ...

    def lava_arguments(self, params: Params) -> dict[str, Any]: ...

    def message_scale(self, params: Params, scale: float) -> float: ...


NEURON_MODELS: Registry[NeuronModel] = Registry("neuron model", "neurodeploy.ir.neurons")
