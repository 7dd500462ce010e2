"""The definition: a Program run step by step in numpy, real (float64) or fixed (Loihi's integers).

Per step t and population, in topological order: gather a = sum over synapses of the product of the
weights with the source's output at t - delay, update the neuron model, publish the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.inputs import (
    Inputs,
    expand_probes,
    initial_state,
    padded,
    prepare_inputs,
    run_length,
)
from neurodeploy.ir.neurons import NEURON_MODELS, fixed_update
from neurodeploy.ir.program import Program, Synapse
from neurodeploy.ir.synapses import fixed_sum, linear
from neurodeploy.ir.trace import Counts, NeuronCounts, Trace, count_synapses

Array = np.ndarray[Any, np.dtype[Any]]


def available() -> None:
    """Always: numpy is all it needs."""


class Session:
    """State of a run between steps: `step` advances all populations by one time step."""

    def __init__(self, program: Program, batch: int) -> None:
        self.program = program
        self.batch = batch
        self.time = 0
        self.states = {n.name: initial_state(program, n.name, batch) for n in program.neurons}
        self.peaks = {n.name: 0.0 for n in program.neurons}
        self.saturations = {n.name: 0 for n in program.neurons}
        self.spikes = {n.name: 0 for n in program.neurons}
        self.arrived = {
            s.name: np.zeros(program.shapes[s.source], dtype=np.int64) for s in program.synapses
        }
        # ports of a real Program take any value: spikes are what has been 0 and 1 alone
        self._spiking_ports = {p.name for p in program.inputs if program.arithmetic == "real"}
        self._incoming = {n.name: program.incoming(n.name) for n in program.neurons}
        self._reach = max((s.delay for s in program.synapses), default=0)
        self._history: dict[int, dict[str, Array]] = {}

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Inputs `(B, *shape)` per port to the outputs `(B, *shape)` of every population."""
        now: dict[str, Array] = dict(inputs)
        self._history[self.time] = now
        self._spiking_ports -= {
            name for name in self._spiking_ports if not np.isin(inputs[name], (0, 1)).all()
        }
        for name in self.program.order:
            neuron = self.program.neuron(name)
            model = NEURON_MODELS[neuron.model]
            state, arriving = self.states[name], self._gather(name)
            if self.program.arithmetic == "fixed":
                result = fixed_update(model, neuron.params, state, arriving)
            else:
                result = model.real(neuron.params, state, arriving)
            if not isfinite(result.peak):
                detail = f"overflows float64 in step {self.time}"
                raise DataError(Diagnostic(f"neuron {name}", "finite", detail, "scale the weights"))
            self.states[name] = result.state
            self.peaks[name] = max(self.peaks[name], result.peak)
            self.saturations[name] += result.saturations
            self.spikes[name] += int(np.count_nonzero(result.output)) if model.spiking else 0
            now[name] = result.output
        self._history.pop(self.time - self._reach, None)
        self.time += 1
        return now

    def _gather(self, name: str) -> Array:
        shape = self.program.shapes[name]
        fixed = self.program.arithmetic == "fixed"
        total = np.zeros((self.batch, *shape), dtype=np.int64 if fixed else np.float64)
        for synapse in self._incoming[name]:
            sent = self._history.get(self.time - synapse.delay)
            if sent is not None:
                total = total + self._deliver(synapse, sent[synapse.source], shape)
        return total

    def _deliver(self, synapse: Synapse, message: Array, shape: tuple[int, ...]) -> Array:
        self.arrived[synapse.name] += np.count_nonzero(message, axis=0)
        if self.program.arithmetic == "fixed":
            return fixed_sum(synapse, message, shape)
        return linear(synapse, message, shape)

    def counts(self) -> Counts:
        """Exact counts of all steps so far."""
        neurons = tuple(
            NeuronCounts(
                name=n.name,
                model=n.model,
                size=n.size,
                neuron_updates=n.size * self.time * self.batch,
                spikes=self.spikes[n.name],
                saturations=self.saturations[n.name],
            )
            for n in self.program.neurons
        )
        synapses = count_synapses(
            self.program, self.arrived, self.time, self.batch, self._spiking_ports
        )
        return Counts(self.time, self.batch, neurons, synapses)


def run(
    program: Program,
    inputs: Inputs,
    *,
    steps: int | None = None,
    probe: str | tuple[str, ...] = (),
) -> Trace:
    """Runs `(T, B, *shape)` input through the Program for T + depth steps.

    `steps` replaces T; `probe` names what to record besides the outputs. Raises DataError for input
    that does not fit or makes reals overflow, ConfigError for a wrong probe.
    """
    prepared = prepare_inputs(program, inputs)
    length = run_length(program, prepared, steps)
    ready = {name: padded(x[:steps] if steps else x, length) for name, x in prepared.items()}
    keys = expand_probes(program, probe)
    batch = next(iter(ready.values())).shape[1]
    session = Session(program, batch)
    records: dict[str, list[Array]] = {name: [] for name in (*program.outputs, *keys)}
    for t in range(length):
        with np.errstate(over="ignore", invalid="ignore"):  # step() says where
            sent = session.step({name: x[t] for name, x in ready.items()})
        for key, values in records.items():
            name, _, state = key.partition("/")
            states = session.states[name]
            values.append(states[state] if state in states else sent[name])
    recorded = {key: np.stack(values) for key, values in records.items()}
    return Trace(
        program=program,
        steps=length,
        batch=batch,
        outputs={k: v for k, v in recorded.items() if "/" not in k},
        states={k: v for k, v in recorded.items() if "/" in k},
        counts=session.counts(),
        peaks=session.peaks,
        route="reference",
    )
