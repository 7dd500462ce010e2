"""Trace: what a run leaves; Counts: exact integers of what happened in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.ir.synapses import fan_out

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class NeuronCounts:
    """Per population over all steps and samples.

    neuron_updates: size x steps x batch; spikes: non-zero outputs (0 for a read-out);
    saturations: updates in which a state wrapped or clipped.
    """

    name: str
    model: str
    size: int
    neuron_updates: int
    spikes: int
    saturations: int = 0


@dataclass(frozen=True)
class SynapseCounts:
    """Per synapse over all steps and samples.

    messages: non-zero values that arrived; synaptic_operations: each message times its non-zero
    weights (padding taps are no connections); dense_operations: all connections, zero weights too,
    times steps and samples; graded: whether messages carry values (a product, not an addition).
    """

    name: str
    source: str
    target: str
    kind: str
    messages: int
    synaptic_operations: int
    dense_operations: int
    graded: bool


@dataclass(frozen=True)
class Counts:
    """Exact counts of one run of `steps` steps over `batch` samples."""

    steps: int
    batch: int
    neurons: tuple[NeuronCounts, ...]
    synapses: tuple[SynapseCounts, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Counts:
        return cls(
            steps=int(data["steps"]),
            batch=int(data["batch"]),
            neurons=tuple(NeuronCounts(**n) for n in data["neurons"]),
            synapses=tuple(SynapseCounts(**s) for s in data["synapses"]),
        )

    @property
    def saturations(self) -> int:
        return sum(n.saturations for n in self.neurons)


@dataclass(frozen=True)
class Trace:
    """A run of `program`. Arrays have shape `(steps, B, *shape)` in the Program's own time.

    states: `NODE/u`, `NODE/v` (after reset), `NODE/s` of every probed population. A population
    with a v_reset has its reset at v = 0: its v is NIR's v - v_reset.
    peaks: largest |u| or |v| of each population before reset and overflow.
    """

    program: Program
    steps: int
    batch: int
    outputs: Mapping[str, Array]
    states: Mapping[str, Array]
    counts: Counts
    peaks: Mapping[str, float] = field(default_factory=dict)
    route: str = ""

    @property
    def input_steps(self) -> int:
        """Steps for which the input was given: the rest drains the Program's latency."""
        return self.steps - self.program.depth

    def aligned(self, key: str) -> Array:
        """An output `NODE` or probe `NODE/STATE` as `(T, B, *shape)`, its latency cut off."""
        values = self.states[key] if "/" in key else self.outputs[key]
        late = self.program.latency[key.rsplit("/", 1)[0] if "/" in key else key]
        return values[late : late + self.input_steps]

    def real(self, key: str) -> Array:
        """`aligned(key)` in real units: divided by the scale of the state or of the message."""
        if self.program.arithmetic == "real":
            return self.aligned(key)
        name, _, state = key.partition("/")
        neuron = self.program.neuron(name)
        model = NEURON_MODELS[neuron.model]
        if state not in ("", "s", model.sends):
            return self.aligned(key) / neuron.scale
        scale = model.message_scale(neuron.params, neuron.scale)
        return self.aligned(key) if scale == 1.0 else self.aligned(key) / scale

    @property
    def output(self) -> Array:
        """The first output, aligned."""
        return self.aligned(self.program.outputs[0])


def count_synapses(
    program: Program,
    arrived: Mapping[str, Array],
    steps: int,
    batch: int,
    spiking_ports: Collection[str] = (),
) -> tuple[SynapseCounts, ...]:
    """Counts from `arrived`: per synapse, how often each source element's message arrived.

    spiking_ports: inputs of a real Program that brought nothing but spikes.
    """
    found = []
    for synapse in program.synapses:
        times = arrived[synapse.name]
        dense = fan_out(program, synapse, non_zero=False)
        operations = int((times * fan_out(program, synapse, non_zero=True)).sum())
        found.append(
            SynapseCounts(
                name=synapse.name,
                source=synapse.source,
                target=synapse.target,
                kind=synapse.kind,
                messages=int(times.sum()),
                synaptic_operations=operations,
                dense_operations=int(dense.sum()) * steps * batch,
                graded=program.is_graded(synapse.source) and synapse.source not in spiking_ports,
            )
        )
    return tuple(found)


def arrivals(program: Program, sent: Mapping[str, Array], steps: int) -> dict[str, Array]:
    """Per synapse, the number of messages of each source element that arrive within `steps`.

    sent: outputs of every port and population, `(steps, B, *shape)`; a message sent at t arrives at
    t + delay and is not counted when the run ends before.
    """
    return {
        s.name: np.count_nonzero(sent[s.source][: max(steps - s.delay, 0)], axis=(0, 1))
        for s in program.synapses
    }
