"""A hybrid program as a stream: input in pieces of any sizes, output of the steps that are ready.

A part goes on as soon as all that it reads has come, on what they have in common; what comes early
waits. What waits and every part's state are all that is kept: as many steps as the program is late,
however long the stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.hybrid.compiling import as_inputs, named
from neurodeploy.hybrid.program import ChipPart, HybridProgram, Part
from neurodeploy.ir.neurons import NEURON_MODELS

if TYPE_CHECKING:
    from neurodeploy.frontends.hybrid import Region

Array = np.ndarray[Any, np.dtype[Any]]
Values = dict[str, Array]
OUTPUT = "output"


class Running(Protocol):
    def advance(self, given: Values) -> Values:
        """The next steps of all that the part reads -> those of what it sends that are ready."""

    def end(self) -> Values:
        """The steps that are left."""


class _Chip:
    """A Program on `cpu`; what it sends is late by its populations, which is cut off."""

    def __init__(self, part: ChipPart, batch: int) -> None:
        from neurodeploy.backends.cpu import Session

        self._program, self._outputs, self._batch = part.program, part.outputs, batch
        self._session = Session(part.program, batch)
        self._skip = {v: part.program.latency[name] for v, name in part.outputs.items()}
        self._left = dict.fromkeys(part.outputs, 0)

    def advance(self, given: Values) -> Values:
        steps = len(next(iter(given.values())))
        self._left = {value: left + steps for value, left in self._left.items()}
        return self._sent(given)

    def end(self) -> Values:
        silence = max(self._program.latency[name] for name in self._outputs.values())
        if not any(self._left.values()) or not silence:
            return {}
        shapes = {p.name: (silence, self._batch, *p.shape) for p in self._program.inputs}
        return self._sent({name: np.zeros(s, dtype=np.int64) for name, s in shapes.items()})

    def _sent(self, given: Values) -> Values:
        ran, sent = self._session.advance(given), {}
        for value, name in self._outputs.items():
            neuron = self._program.neuron(name)
            scale = NEURON_MODELS[neuron.model].message_scale(neuron.params, neuron.scale)
            late = min(self._skip[value], len(ran[name]))
            self._skip[value] -= late
            steps = ran[name][late : late + self._left[value]]
            self._left[value] -= len(steps)
            sent[value] = steps if scale == 1.0 else steps / scale
        return sent


class _Host:
    """A part in torch, which is never late."""

    def __init__(self, region: Region, outputs: tuple[str, ...]) -> None:
        self._region, self._outputs = region, outputs

    def advance(self, given: Values) -> Values:
        return dict(zip(self._outputs, self._region.advance(given.values()), strict=True))

    def end(self) -> Values:
        return {}


class HybridStream:
    """One run of `batch` samples in pieces: in all the outputs of `run_hybrid` on `cpu`.

    Raises ConfigError for a program whose chip parts are not compiled.
    """

    def __init__(self, hybrid: HybridProgram, batch: int = 1) -> None:
        self._hybrid, self._batch = hybrid, batch
        for part in hybrid.chip_parts:
            if part.program.arithmetic != "fixed":
                detail = "is real; a stream runs integers"
                raise ConfigError(Diagnostic(part.name, "arithmetic", detail, "compile it first"))
        self._parts = {part.name: _running(part, batch) for part in hybrid.parts}
        self._readers = {part.name: part.inputs for part in hybrid.parts}
        self._readers[OUTPUT] = hybrid.outputs
        self._waiting: dict[tuple[str, str], list[Array]] = {
            (who, v): [] for who, reads in self._readers.items() for v in reads
        }

    def push(self, inputs: Array | Mapping[str, Array]) -> Values:
        """The next steps `(n, B, *shape)`, by argument where there are several -> those of the
        outputs that are ready; nothing if there are none. Raises DataError for another form."""
        given = named(self._hybrid.inputs, as_inputs(inputs))
        batch = next(iter(given.values())).shape[1]
        if batch != self._batch:
            detail = f"{batch} samples, the stream has {self._batch}"
            raise DataError(Diagnostic("input", "batch", detail))
        self._hand_out(given)
        return self._go_on(last=False)

    def finish(self) -> Values:
        """The steps that are left; then the stream is over."""
        return self._go_on(last=True)

    def _go_on(self, *, last: bool) -> Values:
        for name, part in self._parts.items():
            given = self._taken(name)
            if given:
                self._hand_out(part.advance(given))
            if last:
                self._hand_out(part.end())
        return self._taken(OUTPUT)

    def _hand_out(self, values: Values) -> None:
        for (_, value), waiting in self._waiting.items():
            if value in values and len(values[value]):
                waiting.append(values[value])

    def _taken(self, who: str) -> Values:
        """The steps that all of what it reads has come for; nothing if there are none."""
        waiting = {v: self._waiting[who, v] for v in self._readers[who]}
        steps = min(sum(map(len, pieces)) for pieces in waiting.values())
        if not steps:
            return {}
        joined = {v: np.concatenate(pieces) for v, pieces in waiting.items()}
        for v, values in joined.items():
            self._waiting[who, v] = [values[steps:]] if len(values) > steps else []
        return {v: values[:steps] for v, values in joined.items()}


def _running(part: Part, batch: int) -> Running:
    if isinstance(part, ChipPart):
        return _Chip(part, batch)
    from neurodeploy.frontends.hybrid import Region

    return _Host(Region(part.module), part.outputs)
