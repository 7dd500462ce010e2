"""What the kernel counted, as a Trace says it."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.backends.cpu import columns as c
from neurodeploy.backends.cpu.plan import Plan
from neurodeploy.backends.cpu.tables import Counters
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.trace import Counts, NeuronCounts, SynapseCounts

Array = np.ndarray[Any, np.dtype[Any]]


def zeros(plan: Plan) -> Counters:
    """Nothing counted."""
    return Counters(
        np.zeros((len(plan.populations), c.POPULATION_COUNTS), dtype=np.int64),
        np.zeros((len(plan.synapses), c.SYNAPSE_COUNTS), dtype=np.int64),
    )


def peaks(plan: Plan, parts: list[Counters]) -> dict[str, float]:
    """Largest magnitude of a state of each population, over the threads' counters."""
    rows = _of_populations(plan, parts)
    return {n.name: float(rows[n.name][c.PEAK]) for n in plan.program.neurons}


def counts(plan: Plan, parts: list[Counters], steps: int, batch: int) -> Counts:
    """Exact counts of so many steps, over the threads' counters."""
    rows = _of_populations(plan, parts)
    neurons = tuple(
        NeuronCounts(
            name=n.name,
            model=n.model,
            size=n.size,
            neuron_updates=n.size * steps * batch,
            spikes=int(rows[n.name][c.SPIKES]) if NEURON_MODELS[n.model].spiking else 0,
            saturations=int(rows[n.name][c.SATURATIONS]),
        )
        for n in plan.program.neurons
    )
    return Counts(steps, batch, neurons, _synapses(plan, parts, steps * batch))


def _synapses(plan: Plan, parts: list[Counters], samples: int) -> tuple[SynapseCounts, ...]:
    rows = np.sum([part.synapses for part in parts], axis=0)
    found = {
        s.name: SynapseCounts(
            name=s.name,
            source=s.source,
            target=s.target,
            kind=s.kind,
            messages=int(row[c.MESSAGES]),
            synaptic_operations=int(row[c.OPERATIONS]),
            dense_operations=dense * samples,
            graded=plan.program.is_graded(s.source),
        )
        for s, row, dense in zip(plan.sorted_synapses, rows, plan.dense, strict=True)
    }
    return tuple(found[s.name] for s in plan.program.synapses)


def _of_populations(plan: Plan, parts: list[Counters]) -> dict[str, Array]:
    """Of each population the sums of all counts, the largest of all peaks."""
    rows = np.stack([part.populations for part in parts])
    total = rows.sum(axis=0)
    total[:, c.PEAK] = rows[..., c.PEAK].max(axis=0)
    return dict(zip(plan.program.order, total, strict=True))
