"""Session: a fixed Program with its state, advanced by steps or by whole stretches of input."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from neurodeploy.backends.cpu import columns as c
from neurodeploy.backends.cpu import counting
from neurodeploy.backends.cpu.compilation import compiled_kernel
from neurodeploy.backends.cpu.deliver import SPARE
from neurodeploy.backends.cpu.listing import padded
from neurodeploy.backends.cpu.messages import Lister, as_arrays
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
from neurodeploy.backends.cpu.writing import Writing
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.ir.inputs import Inputs, expand_probes
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts

Array = np.ndarray[Any, np.dtype[Any]]

NARROW_LIMIT = (1 << 31) - 1
WIDE_LIMIT = (1 << 62) - 1
ALIGNED = 8


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
        self._threads = min(threads or _cores(), batch)
        self._counters = [counting.zeros(self._plan) for _ in range(self._threads)]
        self._lister = Lister(self._plan)
        self._writing = Writing(self._plan, self.keys, batch)
        self._use(np.dtype(np.int32), None)
        self._keep_together()
        (self._port, *others) = (p.name for p in program.inputs)
        self._frame = () if others else (1, batch, *program.shapes[self._port])

    def step(self, inputs: Inputs) -> dict[str, Array]:
        """One step: `(B, *shape)`, for one sample also `*shape`, to `(B, *shape)` of each key."""
        if type(inputs) is np.ndarray and inputs.dtype.kind in "biuf" and self._is_frame(inputs):
            sent = self._run_on({self._port: inputs.reshape(self._frame)}, 1)
        else:
            given = inputs if isinstance(inputs, Mapping) else {self._port: inputs}
            sent = self.advance({k: self._one_step(k, np.asanyarray(x)) for k, x in given.items()})
        return {key: values[0] for key, values in sent.items()}

    def _is_frame(self, x: Array) -> bool:
        """Whether x is one step of the only port, as `step` takes it."""
        leading = len(self._frame) - x.ndim
        fits = leading == 1 or (leading == 2 and self.batch == 1)
        return fits and x.shape == self._frame[leading:]

    def _one_step(self, name: str, x: Array) -> Array:
        """`(B, *shape)` or, for one sample, `*shape` as `(1, B, *shape)`; others unchanged."""
        shape = self.program.shapes.get(name, ())
        if x.shape == shape and self.batch == 1:
            return x[None, None]
        return x[None] if x.shape == (self.batch, *shape) else x

    def advance(self, inputs: Inputs) -> dict[str, Array]:
        """Steps for input `(T, B, *shape)`, to `(T, B, *shape)` of each key.

        Raises DataError for input that does not fit.
        """
        arrays = as_arrays(self.program, inputs)
        steps, batch = next(iter(arrays.values())).shape[:2]
        if batch != self.batch:
            detail = f"{batch} samples, the session has {self.batch}"
            raise ConfigError(Diagnostic("input", "batch", detail))
        return self._run_on(arrays, steps)

    def _run_on(self, arrays: Mapping[str, Array], steps: int) -> dict[str, Array]:
        """The same for arrays of the right shapes."""
        given = self._lister(arrays, self._word)
        written = self._attempt(given, steps)
        if written is None:
            self._use(np.dtype(np.int64), self._memory)
            written = self._attempt(given._replace(values=given.values.astype(np.int64)), steps)
            assert written is not None, "integers beyond int64"
        self.time += steps
        return self._writing.split(written, steps)

    def _use(self, word: np.dtype[Any], before: Memory | None) -> None:
        """Memory and tables of this word, from the state before or from the start."""
        plan, batch = self._plan, self.batch
        self._word = word
        self._limit = NARROW_LIMIT if word.itemsize == 4 else WIDE_LIMIT
        self._kernel = compiled_kernel(word.itemsize == 4, plan.usual)
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
            graded = plan.nodes[:, c.GRADED].any()
            values = np.zeros((batch, plan.events if graded else 0), dtype=word)
            slots = np.zeros((batch, plan.slots, 2), dtype=np.int64)
            self._memory = Memory(states, events, values, slots)
        else:
            wider = {"states": before.states.astype(word), "values": before.values.astype(word)}
            self._memory = before._replace(**wider)
        self._scratch = [_scratch(plan, word) for _ in range(self._threads)]

    def _keep_together(self) -> None:
        """Moves all that a stretch changes into one piece of memory, which is copied at once."""
        arrays = [*self._memory, *(a for counts in self._counters for a in counts)]
        ends = np.cumsum([-(-a.nbytes // ALIGNED) * ALIGNED for a in arrays])
        self._kept = np.zeros(ends[-1], dtype=np.uint8)
        self._before = np.empty_like(self._kept)
        moved = []
        for array, piece in zip(arrays, np.split(self._kept, ends[:-1]), strict=True):
            moved.append(piece[: array.nbytes].view(array.dtype).reshape(array.shape))
            moved[-1][:] = array
        of_memory, of_counters = moved[: len(self._memory)], iter(moved[len(self._memory) :])
        self._memory = Memory(*of_memory)
        self._counters = [Counters(*pair) for pair in zip(of_counters, of_counters, strict=True)]

    def _attempt(self, given: Given, steps: int) -> Array | None:
        """What the steps write down, or None (and nothing has changed) if int32 is too small."""
        narrow = self._word.itemsize == 4
        if narrow:
            self._before[:] = self._kept
        written = np.empty(self._writing.size * steps, dtype=self._word)
        if self._run(given, Records(*self._writing.table(steps), written), steps):
            return written
        if narrow:
            self._kept[:] = self._before
        return None

    def _run(self, given: Given, records: Records, steps: int) -> bool:
        """Shares the samples among the threads."""
        stop = self.time + steps

        def work(i: int) -> bool:
            first, last = (self.batch * k // self._threads for k in (i, i + 1))
            span = Span(self.time, stop, first, last, self.batch, self._limit)
            counts, scratch = self._counters[i], self._scratch[i]
            return self._kernel(self._tables, self._memory, given, records, counts, scratch, span)

        if self._threads == 1:
            return work(0)
        return all(list(_pool(self._threads).map(work, range(self._threads))))

    @property
    def peaks(self) -> dict[str, float]:
        """Largest magnitude of a state of each population before reset and overflow."""
        return counting.peaks(self._plan, self._counters)

    def counts(self) -> Counts:
        """Exact counts of all steps so far."""
        return counting.counts(self._plan, self._counters, self.time, self.batch)


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "neurodeploy-cpu")


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _with_room(populations: Array, limit: int) -> Array:
    """The table, with the `limit` of the words where no less is said of int32 words."""
    table = populations.copy()
    least = table[:, c.ROOM] if limit == NARROW_LIMIT else 0
    table[:, c.ROOM] = np.where(least, least, limit)
    return table


def _scratch(plan: Plan, word: np.dtype[Any]) -> Scratch:
    sums, total, sent = np.zeros((3, plan.largest + SPARE), dtype=word)
    flags = np.zeros(padded(plan.largest), dtype=np.uint8)
    return Scratch(sums, total, sent, flags, np.zeros(plan.cells + 1, dtype=np.int32))
