"""What happens on each core in a step, from a run: operations, messages and how long they take.

A step lasts until the slowest core is done and all have met at the barrier, so that the bottleneck
core sets its length, and not the total over all cores.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.hardware import Hardware
from neurodeploy.hardware.quantities import BARRIER_TILES
from neurodeploy.ir.inputs import Inputs, prepare_inputs
from neurodeploy.ir.mapping import Core, Mapping, box_slices
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.ir.synapses import fan_out
from neurodeploy.ir.trace import Counts, Trace
from neurodeploy.ir.trace_file import SavedTrace

Array = np.ndarray[Any, np.dtype[Any]]
FORMS: Final = {"dense": "dense", "sparse": "sparse", "conv1d": "conv", "conv2d": "conv"}
TERMS: Final = (
    *(f"synaptic_operation_{form}" for form in ("dense", "sparse", "conv")),
    "neuron_update",
    "spike",
    "message_in",
    "message_out",
)


@dataclass(frozen=True)
class CoreLoad:
    """Of one core, means per step and sample. counts: by the terms of the chip's times.

    time_s: until the core is done; None without figures for the chip.
    """

    counts: Dict[str, float]
    time_s: float | None

    @property
    def synaptic_operations(self) -> float:
        return sum(n for term, n in self.counts.items() if term.startswith("synaptic_operation"))


@dataclass(frozen=True)
class Load:
    """All cores of a mapping, in its order; step_s: bottleneck and barrier, on average a step."""

    cores: tuple[CoreLoad, ...]
    step_s: float | None
    sources: tuple[str, ...] = ()

    @property
    def bottleneck(self) -> int:
        """The core that takes longest, or has most operations where no times are known."""
        works = [c.synaptic_operations if c.time_s is None else c.time_s for c in self.cores]
        return works.index(max(works))


def sending(program: Program) -> tuple[str, ...]:
    """What to probe for `message_rates`: `NODE/STATE` of what each population sends."""
    return tuple(f"{n.name}/{NEURON_MODELS[n.model].sends}" for n in program.neurons)


def message_rates(trace: Trace, inputs: Inputs) -> dict[str, Array]:
    """Messages per step and sample of every element of each source, over a run's input steps.

    The trace has the probes that `sending` names; `inputs` is what it ran on.
    """
    program = trace.program
    sent = dict(prepare_inputs(program, inputs))
    for neuron, probe in zip(program.neurons, sending(program), strict=True):
        sent[neuron.name] = trace.aligned(probe)
    return {name: np.mean(values != 0, axis=(0, 1)) for name, values in sent.items()}


def saved_rates(program: Program, saved: SavedTrace) -> dict[str, Array]:
    """`message_rates` of a trace's file: of every element where a population was probed or is an
    output, the mean of all its elements elsewhere. DataError for the trace of another network."""
    counts = saved.counts
    wanted, found = ({n.name: n.size for n in each.neurons} for each in (program, counts))
    if wanted != found or counts.steps <= program.depth:
        other = sorted(wanted.items() ^ found.items())
        detail = f"is of another network: {', '.join(f'{name} ({n})' for name, n in other[:4])}"
        raise DataError(Diagnostic("trace", "populations", detail, "run this network"))
    rates = {}
    for name, shape in program.shapes.items():
        mean = _mean_rate(program, counts, name)
        rates[name] = np.full(shape, mean)
    for neuron, probe in zip(program.neurons, sending(program), strict=True):
        values = saved.arrays.get(probe, saved.arrays.get(neuron.name))
        if values is not None and values.shape[2:] == neuron.shape:
            rates[neuron.name] = np.mean(values != 0, axis=(0, 1))
    return rates


def _mean_rate(program: Program, counts: Counts, name: str) -> float:
    """Messages per step and element: as they arrived, else spikes; a read-out's go nowhere."""
    arrived = [s.messages for s in counts.synapses if s.source == name]
    sent = arrived or [n.spikes for n in counts.neurons if n.name == name] or [0]
    steps = counts.steps - program.depth
    return max(sent) / (steps * counts.batch * prod(program.shapes[name]))


def core_loads(
    program: Program, mapping: Mapping, hardware: Hardware, rates: Dict[str, Array]
) -> Load:
    """The load of every core at these rates, and the time of a step where the chip has figures.

    The mapping must have been made with the same rates.
    """
    counted = [_counts(program, core, rates) for core in mapping.cores]
    times = {term: hardware.times[term].value for term in TERMS if term in hardware.times}
    complete = len(times) == len(TERMS)
    loads = tuple(
        CoreLoad(counts, sum(times[t] * n for t, n in counts.items()) if complete else None)
        for counts in counted
    )
    barrier = _barrier(mapping, hardware)
    step = None
    if complete and barrier is not None:
        step = barrier + max(load.time_s or 0.0 for load in loads)
    sources = tuple(dict.fromkeys(q.source for q in hardware.times.values())) if complete else ()
    return Load(loads, step, sources)


def _counts(program: Program, core: Core, rates: Dict[str, Array]) -> dict[str, float]:
    counts = dict.fromkeys(TERMS, 0.0) | {"message_out": core.messages_out}
    for part in core.slices:
        counts["neuron_update"] += part.size
        counts["spike"] += float(rates[part.population][box_slices(part.box)].sum())
        for synapse in program.incoming(part.population):
            connections = fan_out(program, synapse, non_zero=True, into=part.box)
            rate = rates[synapse.source]
            term = f"synaptic_operation_{FORMS[synapse.kind]}"
            counts[term] += float((rate * connections).sum())
            counts["message_in"] += float(rate[connections > 0].sum())
    return counts


def _barrier(mapping: Mapping, hardware: Hardware) -> float | None:
    """Time in which the tiles of a chip meet; None without a figure."""
    tiles: dict[int, set[tuple[int, int]]] = {}
    for core in mapping.cores:
        tiles.setdefault(core.seat.chip, set()).add((core.seat.row, core.seat.column))
    most = max(len(found) for found in tiles.values())
    name = f"barrier_from_{max(n for n in BARRIER_TILES if n <= most)}_tiles"
    return hardware.times[name].value if name in hardware.times else None
