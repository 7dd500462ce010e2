"""The work of a Program that ran: its exact counts as rows, the layers they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import numpy as np

from neurodeploy.bench.counting.convention import DEFAULT, Convention
from neurodeploy.bench.counting.record import PROGRAM, ByValue, CountRecord, LayerCount
from neurodeploy.bench.energy_models.work import Traffic, Work
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program, Synapse
from neurodeploy.ir.trace import Counts, NeuronCounts, SynapseCounts

FORMS: Final = {"dense": "dense", "sparse": "sparse", "conv1d": "conv", "conv2d": "conv"}
OPS: Final = {"dense": "linear", "sparse": "linear", "conv1d": "conv", "conv2d": "conv"}
FLOAT_BYTES: Final = 4


def spiking_work(
    program: Program, counts: Counts, traffic: Mapping[str, Traffic] | None = None
) -> Work:
    """An inference is one sample of the batch through all its steps."""
    return Work(
        side="snn",
        record=program_record(program, counts),
        times=Fraction(1, counts.batch),
        inference_s=counts.steps * program.dt,
        layer_of={s.name: s.target for s in program.synapses},
        forms={s.name: FORMS[s.kind] for s in program.synapses},
        traffic=traffic or {},
    )


def program_record(
    program: Program, counts: Counts, convention: Convention = DEFAULT
) -> CountRecord:
    """Rows of synapses and of populations, over all steps and samples of the run."""
    synapses = {s.name: s for s in program.synapses}
    rows: list[LayerCount] = []
    for neuron in counts.neurons:
        incoming = (s for s in counts.synapses if s.target == neuron.name)
        rows += (synapse_row(synapses[s.name], s, counts) for s in incoming)
        rows.append(_neuron_row(program, neuron))
    return CountRecord(convention, counts.batch, counts.steps, PROGRAM, tuple(rows))


def synapse_row(synapse: Synapse, count: SynapseCounts, counts: Counts) -> LayerCount:
    """Messages times weights: graded ones are products, spikes additions."""
    weights = int(synapse.weight_values.size)
    kind = "graded" if count.graded else "binary"
    return LayerCount(
        name=synapse.name,
        op=OPS[synapse.kind],
        calls=counts.steps,
        parameters=weights,
        weight_bytes=weights * _weight_bytes(synapse),
        spikes_in=count.messages,
        dense_macs=count.dense_operations,
        effective=ByValue(**{kind: count.synaptic_operations}),
    )


def _weight_bytes(synapse: Synapse) -> int:
    integers = np.issubdtype(synapse.weight_values.dtype, np.integer)
    return 1 if integers else FLOAT_BYTES


def _neuron_row(program: Program, count: NeuronCounts) -> LayerCount:
    neuron = program.neuron(count.name)
    model = NEURON_MODELS[neuron.model]
    cost, states = model.cost(neuron.params), len(model.state)
    updates = count.neuron_updates
    return LayerCount(
        name=count.name,
        op="neuron",
        shape=neuron.shape,
        state_bytes=states * neuron.size * FLOAT_BYTES,
        outputs=updates,
        spikes_out=count.spikes,
        updates=updates,
        multiplies=updates * cost.multiplies,
        adds=updates * cost.adds,
        compares=updates * cost.compares,
        state_reads=updates * states,
        state_writes=updates * states,
        model=neuron.model,
    )
