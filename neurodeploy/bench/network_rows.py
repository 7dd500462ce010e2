"""What a results file says of the spiking network: the run as a whole, and each population."""

from __future__ import annotations

from collections.abc import Iterable

from neurodeploy.bench.energy_records import Ann
from neurodeploy.bench.results import LayerResult, Network
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts


def network_row(
    program: Program, counts: Counts, ann: Ann | None, notes: tuple[str, ...]
) -> Network:
    """The network and the run that was counted."""
    dense = sum(s.dense_operations for s in counts.synapses)
    return Network(
        name=program.name,
        arithmetic=program.arithmetic,
        dt_s=program.dt,
        steps=counts.steps,
        batch=counts.batch,
        inputs={port.name: port.shape for port in program.inputs},
        outputs=program.outputs,
        neurons=sum(n.size for n in counts.neurons),
        weights=sum(int(s.weight_values.size) for s in program.synapses),
        connections=dense // (counts.steps * counts.batch),
        ann_passes=None if ann is None else ann.passes,
        notes=notes,
    )


def layer_rows(program: Program, counts: Counts) -> Iterable[LayerResult]:
    """Populations in order, each with the synapses that lead to it."""
    by_name = {n.name: n for n in counts.neurons}
    for name in program.order:
        neuron = by_name[name]
        incoming = [s for s in counts.synapses if s.target == name]
        dense = sum(s.dense_operations for s in incoming)
        operations = sum(s.synaptic_operations for s in incoming)
        kinds = sorted({"graded" if s.graded else "binary" for s in incoming})
        rate = operations / dense if dense else None
        yield LayerResult(
            name=name,
            model=neuron.model,
            size=neuron.size,
            synapses=tuple(s.name for s in incoming),
            connections=dense // (counts.steps * counts.batch),
            messages="mixed" if len(kinds) > 1 else "".join(kinds),
            synaptic_operations=operations,
            neuron_updates=neuron.neuron_updates,
            spikes=neuron.spikes,
            saturations=neuron.saturations,
            input_rate=rate,
            rate=None if program.is_graded(name) else neuron.spikes / neuron.neuron_updates,
            spikes_per_synapse=None if rate is None else rate * counts.steps,
        )
