"""Session: a fixed Program with its state, advanced by steps or by whole stretches of input."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from neurodeploy.backends.cpu import columns as c
from neurodeploy.backends.cpu.compilation import compiled_kernel
from neurodeploy.backends.cpu.plan import Plan, make_plan
from neurodeploy.backends.cpu.tables import (
    Counters,
    Given,
    Memory,
    Records,
    Scratch,
    Span,
    Tables,
)
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.ir.inputs import Inputs, expand_probes, prepare_inputs
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts, NeuronCounts, SynapseCounts

Array = np.ndarray[Any, np.dtype[Any]]

NARROW_LIMIT = (1 << 31) - 1
WIDE_LIMIT = (1 << 62) - 1


class Session:
    """A run of `batch` samples that can be continued, as in real time.

    Keeps int32 words while the integers fit, which almost all Programs' do, and goes over to int64
    at the first stretch where they do not. `threads` share the samples (default: all cores).
    `probe` names what is returned besides the outputs.
    """

    def __init__(
        self,
        program: Program,
        batch: int = 1,
        *,
        probe: str | tuple[str, ...] = (),
        threads: int | None = None,
    ) -> None:
        if program.arithmetic != "fixed":
            detail = "cpu runs integers, this Program is real"
            raise ConfigError(Diagnostic("backend", "arithmetic", detail, "compile it first"))
        self.program = program
        self.batch = batch
        self.time = 0
        self.keys = (*program.outputs, *expand_probes(program, probe))
        self._plan = make_plan(program)
        self._threads = min(threads or len(os.sched_getaffinity(0)), batch)
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None
        self._counters = _no_counts(self._plan)
        self._records = _record_rows(self._plan, self.keys)
        self._use(np.dtype(np.int32), None)

    def step(self, inputs: Inputs) -> dict[str, Array]:
        """One step: `(B, *shape)`, for one sample also `*shape`, to `(B, *shape)` of each key."""
        ports = self.program.inputs
        given = inputs if isinstance(inputs, Mapping) else {ports[0].name: inputs}
        whole = {
            p.name: np.asarray(given[p.name]).reshape(1, self.batch, *p.shape)
            for p in ports
            if p.name in given
        }
        return {key: values[0] for key, values in self.advance(whole).items()}

    def advance(self, inputs: Inputs) -> dict[str, Array]:
        """Steps for input `(T, B, *shape)`, to `(T, B, *shape)` of each key.

        Raises DataError for input that does not fit.
        """
        prepared = prepare_inputs(self.program, inputs)
        steps, batch = next(iter(prepared.values())).shape[:2]
        if batch != self.batch:
            detail = f"{batch} samples, the session has {self.batch}"
            raise ConfigError(Diagnostic("input", "batch", detail))
        given = _messages(self._plan, prepared)
        recorded = self._attempt(given, steps)
        if recorded is None:
            self._use(np.dtype(np.int64), self._memory)
            recorded = self._attempt(given, steps)
            assert recorded is not None
        self.time += steps
        return self._split(recorded, steps)

    def _use(self, word: np.dtype[Any], before: Memory | None) -> None:
        """Memory and tables of this word, from the state before or from the start."""
        plan, batch = self._plan, self.batch
        self._word = word
        self._limit = NARROW_LIMIT if word.itemsize == 4 else WIDE_LIMIT
        self._kernel = compiled_kernel(word.itemsize == 4)
        self._tables = Tables(
            plan.nodes,
            _with_room(plan.populations, self._limit),
            plan.synapses,
            plan.scalars,
            plan.each.astype(word),
            plan.weights8,
            plan.weights16,
            plan.index,
            plan.fans,
        )
        if before is None:
            states = np.tile(plan.state.astype(word), (batch, 1))
            events = np.zeros((batch, plan.events), dtype=np.int32)
            values = np.zeros((batch, plan.events), dtype=word)
            slots = np.zeros((batch, plan.slots, 2), dtype=np.int64)
            self._memory = Memory(states, events, values, slots)
        else:
            wider = {"states": before.states.astype(word), "values": before.values.astype(word)}
            self._memory = before._replace(**wider)
        self._scratch = [_scratch(plan, word) for _ in range(self._threads)]

    def _attempt(self, given: Given, steps: int) -> Array | None:
        """What the steps write down, or None (and nothing has changed) if int32 is too small."""
        narrow = self._word.itemsize == 4
        kept = Memory(*(a.copy() for a in self._memory)) if narrow else None
        rows, ends = self._records
        sizes = rows[:, c.RECORD_COLUMNS] * steps * self.batch
        starts = np.cumsum(sizes) - sizes
        rows = np.stack([rows[:, c.STATE_NUMBER], starts], axis=1)
        written = np.zeros(int(sizes.sum()), dtype=self._word)
        given = given._replace(values=given.values.astype(self._word))
        records = Records(rows, ends, written)
        counts = [_no_counts(self._plan) for _ in range(self._threads)]
        if all(self._each_thread(given, records, counts, steps)):
            self._counters = _summed([self._counters, *counts])
            return written
        assert kept is not None, "integers beyond int64"
        self._memory = kept
        return None

    def _each_thread(
        self, given: Given, records: Records, counts: list[Counters], steps: int
    ) -> list[bool]:
        bounds = [self.batch * i // self._threads for i in range(self._threads + 1)]
        stop, pool = self.time + steps, self._pool

        def work(i: int) -> bool:
            first, last = bounds[i], bounds[i + 1]
            span = Span(self.time, stop, first, last, self.batch, self._limit)
            memory, scratch = self._memory, self._scratch[i]
            done = self._kernel(self._tables, memory, given, records, counts[i], scratch, span)
            return bool(done)

        if pool is None:
            return [work(0)]
        return list(pool.map(work, range(self._threads)))

    def _split(self, written: Array, steps: int) -> dict[str, Array]:
        """The records as arrays of the populations' shapes, neurons in C order."""
        found = {}
        at = 0
        for key, name in _record_order(self._plan, self.keys):
            shape = self.program.shapes[name]
            size = steps * self.batch * int(np.prod(shape))
            values = written[at : at + size].reshape(steps, self.batch, -1)
            if len(shape) > 1:
                values = values[..., np.argsort(self._plan.orders[name])]
            found[key] = values.reshape(steps, self.batch, *shape)
            at += size
        return {key: found[key] for key in self.keys}

    @property
    def peaks(self) -> dict[str, float]:
        """Largest magnitude of a state of each population before reset and overflow."""
        rows = zip(self.program.order, self._counters.populations, strict=True)
        found = {name: float(row[c.PEAK]) for name, row in rows}
        return {n.name: found[n.name] for n in self.program.neurons}

    def counts(self) -> Counts:
        """Exact counts of all steps so far."""
        rows = dict(zip(self.program.order, self._counters.populations, strict=True))
        neurons = tuple(
            NeuronCounts(
                name=n.name,
                model=n.model,
                size=n.size,
                neuron_updates=n.size * self.time * self.batch,
                spikes=int(rows[n.name][c.SPIKES]) if NEURON_MODELS[n.model].spiking else 0,
                saturations=int(rows[n.name][c.SATURATIONS]),
            )
            for n in self.program.neurons
        )
        return Counts(self.time, self.batch, neurons, self._synapse_counts())

    def _synapse_counts(self) -> tuple[SynapseCounts, ...]:
        found = {}
        plan = self._plan
        for s, row, dense in zip(
            plan.sorted_synapses, self._counters.synapses, plan.dense, strict=True
        ):
            found[s.name] = SynapseCounts(
                name=s.name,
                source=s.source,
                target=s.target,
                kind=s.kind,
                messages=int(row[c.MESSAGES]),
                synaptic_operations=int(row[c.OPERATIONS]),
                dense_operations=dense * self.time * self.batch,
                graded=self.program.is_graded(s.source),
            )
        return tuple(found[s.name] for s in self.program.synapses)


def _no_counts(plan: Plan) -> Counters:
    return Counters(
        np.zeros((len(plan.populations), c.POPULATION_COUNTS), dtype=np.int64),
        np.zeros((len(plan.synapses), c.SYNAPSE_COUNTS), dtype=np.int64),
    )


def _summed(parts: list[Counters]) -> Counters:
    """Sums of all counts, the largest of all peaks."""
    populations = np.stack([p.populations for p in parts])
    total = populations.sum(axis=0)
    total[:, c.PEAK] = populations[..., c.PEAK].max(axis=0)
    return Counters(total, np.sum([p.synapses for p in parts], axis=0))


def _with_room(populations: Array, limit: int) -> Array:
    """The table, with the `limit` of the words where no less is said of int32 words."""
    table = populations.copy()
    least = table[:, c.ROOM] if limit == NARROW_LIMIT else 0
    table[:, c.ROOM] = np.where(least, least, limit)
    return table


def _scratch(plan: Plan, word: np.dtype[Any]) -> Scratch:
    sums, total, sent = np.zeros((3, plan.largest), dtype=word)
    return Scratch(sums, total, sent, np.zeros(plan.largest, dtype=np.int16))


def _record_order(plan: Plan, keys: tuple[str, ...]) -> list[tuple[str, str]]:
    """(key, population) sorted by population, as the kernel writes them."""
    place = {name: i for i, name in enumerate(plan.program.order)}
    pairs = [(key, key.partition("/")[0]) for key in keys]
    return sorted(pairs, key=lambda pair: place[pair[1]])


def _record_rows(plan: Plan, keys: tuple[str, ...]) -> tuple[Array, Array]:
    """Per record its state's number, nothing and its size; up to where each population's are."""
    program = plan.program
    rows, ends = [], np.zeros(len(program.order), dtype=np.int64)
    for key, name in _record_order(plan, keys):
        neuron, state = program.neuron(name), key.partition("/")[2]
        states = NEURON_MODELS[neuron.model].state
        number = states.index(state) if state in states else c.SENT
        rows.append([number, 0, neuron.size])
        ends[program.order.index(name) :] += 1
    return np.array(rows, dtype=np.int64), ends


def _messages(plan: Plan, prepared: Mapping[str, Array]) -> Given:
    """What the ports bring, listed step by step and sample by sample."""
    ends, indices, values = [np.zeros(0, np.int64)], [], []
    start = 0
    for port in plan.program.inputs:
        x = prepared[port.name]
        flat = x.reshape(x.shape[0] * x.shape[1], -1)[:, plan.orders[port.name]]
        rows, columns = np.nonzero(flat)
        counts = np.bincount(rows, minlength=len(flat))
        ends.append(start + np.cumsum(counts))
        indices.append(columns.astype(np.int32))
        values.append(flat[rows, columns])
        start += len(columns)
    return Given(np.concatenate(ends), np.concatenate(indices), np.concatenate(values))
