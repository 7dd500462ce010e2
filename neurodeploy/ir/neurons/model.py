"""What a neuron model is: one update rule over a population's state, real and fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neurodeploy.registry import Registry

Array = np.ndarray[Any, np.dtype[Any]]
State = Mapping[str, Array]
Params = Mapping[str, Any]
FixedStep = Callable[
    [tuple[Array, ...], Array, tuple[Any, ...], tuple[Array, ...]],
    tuple[tuple[Array, ...], Array, Array, Array],
]


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


@dataclass(frozen=True)
class Constants:
    """Integers of a fixed update that stay the same.

    population: one for all neurons, or, of a parameter that has one for each, an array of the
    population's shape; each: arrays of the population's shape, or of no dimension.
    """

    population: tuple[int | Array, ...]
    each: tuple[Array, ...]

    @property
    def uniform(self) -> bool:
        """Whether all of `population` are one for all neurons."""
        return all(np.ndim(value) == 0 for value in self.population)


def integers(value: Any) -> int | Array:
    """A parameter as one integer, or as an int64 array of one for each neuron."""
    array = np.asarray(value, dtype=np.int64)
    return array if array.ndim else int(array)


class NeuronModel(Protocol):
    """The contract of a file in this folder.

    `real` is pure: state and input `a` of shape `(B, *shape)` to an `Update`.
    `fixed_step(state, a, population, each) -> (state, message, peak, saturations)` is Loihi's
    integer arithmetic as Lava's bit-accurate models compute it, and the only statement of it: the
    reference calls it with arrays (`fixed_update`), `cpu` compiles it for one neuron. So it may use
    operators, abs, numpy's functions of elements and functions of that kind, and no branches.
    The state has the order of `state`, `fixed_constants` gives the last two; peak and
    saturations are those of one neuron.
    spiking: a message of 0 is none at all, so that messages are events; graded: a message carries
    a value. `sends` is "s", or the state that a read-out sends at every step.
    input_shift: by how many bits the fixed update shifts its input up.
    int32_input: the largest |a| up to which no integer within `fixed_step` needs more than 32 bits,
    given states within +-2^29, as they are after a step whose peak is below 2^28; 0 if there is
    none.
    `lava_process` names, as `module:Class`, the Lava process that a population of these parameters
    runs as, and `lava_arguments` its keyword arguments but for the shape.
    `message_scale` is the integers per real unit of a message of a population of `scale`.
    """

    name: str
    parameters: Mapping[str, Parameter]
    state: tuple[str, ...]
    spiking: bool
    graded: bool
    sends: str
    input_shift: int
    int32_input: int

    def cost(self, params: Params) -> Cost: ...

    def real(self, params: Params, state: State, a: Array) -> Update: ...

    def fixed_constants(self, params: Params) -> Constants: ...

    @property
    def fixed_step(self) -> FixedStep: ...

    def lava_process(self, params: Params) -> str: ...

    def lava_arguments(self, params: Params) -> dict[str, Any]: ...

    def message_scale(self, params: Params, scale: float) -> float: ...


def fixed_update(model: NeuronModel, params: Params, state: State, a: Array) -> Update:
    """One fixed step of a population: `a` and the state `(B, *shape)`, int64, to an `Update`."""
    constants = model.fixed_constants(params)
    before = tuple(state[key] for key in model.state)
    after, sent, peak, saturations = model.fixed_step(
        before, a, constants.population, constants.each
    )
    return Update(
        state=dict(zip(model.state, after, strict=True)),
        output=sent,
        peak=float(peak.max(initial=0)),
        saturations=int(saturations.sum()),
    )


NEURON_MODELS: Registry[NeuronModel] = Registry("neuron model", "neurodeploy.ir.neurons")
