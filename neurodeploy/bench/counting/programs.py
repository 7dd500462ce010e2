"""Exact counts of a Program that ran: per synapse and population, or per core of a placement."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Final

import numpy as np

from neurodeploy.bench.counting.convention import DEFAULT, Convention
from neurodeploy.bench.counting.record import PROGRAM, ByValue, CountRecord, LayerCount
from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.inputs import Inputs, prepare_inputs
from neurodeploy.ir.mapping import Box, Mapping, box_shape, box_slices
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.neurons.subthreshold import keeps_current
from neurodeploy.ir.program import Program, Synapse
from neurodeploy.ir.synapses import fan_out
from neurodeploy.ir.trace import Counts, SynapseCounts, Trace, arrivals

Array = np.ndarray[Any, np.dtype[Any]]
OPS: Final = {"dense": "linear", "sparse": "linear", "conv1d": "conv", "conv2d": "conv"}
REAL_BYTES: Final = 4
"""Of a weight or state of a real Program: frameworks train in float32."""
FIXED_STATE_BYTES: Final = 3
"""Of a state of a fixed Program: 24-bit registers."""


def count_program(
    program: Program, counts: Counts, convention: Convention = DEFAULT
) -> CountRecord:
    """Rows of all populations, each after the synapses that lead to it.

    `counts` do not tell what messages would do on weights that are zero: ConfigError for a
    convention that counts it, where there are such weights. `count_trace` knows it.
    """
    rows: list[LayerCount] = []
    synapses = {s.name: s for s in program.synapses}
    runs = counts.steps * counts.batch
    for neuron in counts.neurons:
        for count in (s for s in counts.synapses if s.target == neuron.name):
            rows.append(_synapse_row(program, synapses[count.name], counts, count))
        whole = tuple((0, n) for n in program.neuron(neuron.name).shape)
        rows.append(_neuron_row(program, neuron.name, whole, runs, neuron.spikes))
    return CountRecord(
        convention,
        counts.batch,
        counts.steps,
        PROGRAM,
        tuple(rows),
        zero_weights_known=all(s.weight_values.all() for s in program.synapses),
    )


def count_trace(
    trace: Trace,
    inputs: Inputs,
    mapping: Mapping | None = None,
    convention: Convention = DEFAULT,
) -> CountRecord:
    """The same from a trace with all populations probed, zero weights too.

    mapping: rows are of each core's slices, by the number of the core. Raises DataError if a
    population was not probed.
    """
    program = trace.program
    sent = _sent(trace, inputs)
    arrived = arrivals(program, sent, trace.steps)
    rows: list[LayerCount] = []
    for core, name, box in _parts(program, mapping):
        for synapse in program.incoming(name):
            count, zero = _into(trace, synapse, arrived[synapse.name], box)
            rows.append(_synapse_row(program, synapse, trace.counts, count, zero, core, box))
        values = sent[name][np.index_exp[:, :] + box_slices(box)]
        spiking = NEURON_MODELS[program.neuron(name).model].spiking
        spikes = int(np.count_nonzero(values)) if spiking else 0
        rows.append(_neuron_row(program, name, box, trace.steps * trace.batch, spikes, core))
    return CountRecord(convention, trace.batch, trace.steps, PROGRAM, tuple(rows))


def _parts(program: Program, mapping: Mapping | None) -> Iterator[tuple[int | None, str, Box]]:
    """Core, population and box of it; without a mapping, whole populations."""
    if mapping is None:
        for neuron in program.neurons:
            yield None, neuron.name, tuple((0, n) for n in neuron.shape)
        return
    for number, core in enumerate(mapping.cores):
        for part in core.slices:
            yield number, part.population, part.box


def _sent(trace: Trace, inputs: Inputs) -> dict[str, Array]:
    """What every port and population sent in every step."""
    program = trace.program
    sent = dict(prepare_inputs(program, inputs))
    problems = []
    for neuron in program.neurons:
        key = f"{neuron.name}/{NEURON_MODELS[neuron.model].sends}"
        values = trace.states.get(key, trace.outputs.get(neuron.name))
        if values is None:
            problems.append(Diagnostic(key, "probe", "was not recorded", "run with probe='all'"))
        else:
            sent[neuron.name] = values
    if problems:
        raise DataError(problems)
    return sent


def _into(trace: Trace, synapse: Synapse, times: Array, box: Box) -> tuple[SynapseCounts, int]:
    """Counts of the connections into a box, and the operations on zero weights."""
    program = trace.program
    nonzero = fan_out(program, synapse, non_zero=True, into=box)
    every = fan_out(program, synapse, non_zero=False, into=box)
    known = next(s for s in trace.counts.synapses if s.name == synapse.name)
    operations = int((times * nonzero).sum())
    count = SynapseCounts(
        synapse.name,
        synapse.source,
        synapse.target,
        synapse.kind,
        messages=int(times[every > 0].sum()),
        synaptic_operations=operations,
        dense_operations=int(every.sum()) * trace.steps * trace.batch,
        graded=known.graded,
    )
    return count, int((times * every).sum()) - operations


def _synapse_row(
    program: Program,
    synapse: Synapse,
    counts: Counts,
    count: SynapseCounts,
    zero_weights: int = 0,
    core: int | None = None,
    box: Box | None = None,
) -> LayerCount:
    """Messages times weights: graded ones are products, spikes additions."""
    kind = "graded" if count.graded else "binary"
    weights = int(synapse.weight_values.size) if core is None else _held(program, synapse, box)
    bits = synapse.num_weight_bits if program.arithmetic == "fixed" else 8 * REAL_BYTES
    return LayerCount(
        name=synapse.name,
        op=OPS[synapse.kind],
        calls=counts.steps,
        shape=program.shapes[synapse.target] if box is None else box_shape(box),
        parameters=weights,
        weight_bytes=-(-weights * bits // 8),
        inputs=prod(program.shapes[synapse.source]) * counts.steps * counts.batch,
        outputs=prod(program.shapes[synapse.target]) * counts.steps * counts.batch,
        spikes_in=count.messages,
        dense_macs=count.dense_operations,
        padding_taps=_padding_taps(program, synapse, box) * counts.steps * counts.batch,
        effective=ByValue(**{kind: count.synaptic_operations}),
        zero_weights=ByValue(**{kind: zero_weights}),
        core=core,
    )


def _padding_taps(program: Program, synapse: Synapse, box: Box | None) -> int:
    if synapse.geometry is None:
        return 0
    target = program.shapes[synapse.target] if box is None else box_shape(box)
    every = prod(target) * prod(synapse.weights.shape[1:])
    return every - int(fan_out(program, synapse, non_zero=False, into=box).sum())


def _held(program: Program, synapse: Synapse, box: Box | None) -> int:
    """Weights that a core holds: rows of a matrix, kernels of its output channels."""
    assert box is not None
    if synapse.geometry is None:
        return int(fan_out(program, synapse, non_zero=False, into=box).sum())
    start, stop = box[0]
    return (stop - start) * prod(synapse.weights.shape[1:])


def _neuron_row(
    program: Program, name: str, box: Box, runs: int, spikes: int, core: int | None = None
) -> LayerCount:
    neuron = program.neuron(name)
    model = NEURON_MODELS[neuron.model]
    cost, states = model.cost(neuron.params), len(states_of(program, name))
    size = prod(box_shape(box))
    updates = size * runs
    each = FIXED_STATE_BYTES if program.arithmetic == "fixed" else REAL_BYTES
    return LayerCount(
        name=name,
        op="neuron",
        calls=runs,
        shape=box_shape(box),
        state_bytes=states * size * each,
        outputs=updates,
        spikes_out=spikes,
        multiplies=updates * cost.multiplies,
        adds=updates * cost.adds,
        compares=updates * cost.compares,
        updates=updates,
        state_reads=updates * states,
        state_writes=updates * states,
        model=neuron.model,
        core=core,
    )


def states_of(program: Program, name: str) -> tuple[str, ...]:
    """States that last from step to step: not the spike, nor a current without memory."""
    neuron = program.neuron(name)
    kept = [s for s in NEURON_MODELS[neuron.model].state if s != "s"]
    if "u" in kept and "du" in neuron.params and not keeps_current(neuron.params):
        kept.remove("u")
    return tuple(kept)
