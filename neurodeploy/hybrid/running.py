"""A hybrid program from end to end, and what crosses between its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.hybrid.compiling import as_inputs, named
from neurodeploy.hybrid.program import HostPart, HybridProgram
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace
from neurodeploy.pipeline import run

Array = np.ndarray[Any, np.dtype[Any]]
STATE_BITS = 24
MESSAGE_BITS = 18


@dataclass(frozen=True)
class Crossing:
    """A value on its way into or out of a chip part, over all steps and samples.

    bits: of a message, 1 for a spike; values: neurons times steps and samples; messages: those that
    are not zero.
    """

    value: str
    source: str
    target: str
    bits: int
    values: int
    messages: int

    @property
    def bytes(self) -> int:
        """If every value is sent in every step, packed."""
        return -(-self.values * self.bits // 8)


@dataclass(frozen=True)
class HybridTrace:
    """A run: `values` crossed between parts or are outputs, `(T, B, *shape)` in real units;
    traces: of the chip parts."""

    hybrid: HybridProgram
    values: Mapping[str, Array]
    traces: Mapping[str, Trace]
    crossings: tuple[Crossing, ...]

    @property
    def outputs(self) -> dict[str, Array]:
        return {name: self.values[name] for name in self.hybrid.outputs}

    @property
    def output(self) -> Array:
        """The first output."""
        return self.values[self.hybrid.outputs[0]]


def run_hybrid(
    hybrid: HybridProgram, inputs: Array | Mapping[str, Array], *, backend: str = "cpu"
) -> HybridTrace:
    """Runs input `(T, B, *shape)`, by argument where there are several, through all parts.

    The chip parts run on `backend`, those in real arithmetic on `reference`; the host parts in
    torch, step by step. Values are aligned: what a part sends for step t is read with everything
    else of step t, however late it comes (`HybridProgram.starts`). Raises DataError for input of a
    wrong form and what `run` raises.
    """
    from neurodeploy.frontends.hybrid import run_region

    values: dict[str, Array] = dict(named(hybrid.inputs, as_inputs(inputs)))
    traces: dict[str, Trace] = {}
    for part in hybrid.parts:
        given = {v: values[v] for v in part.inputs}
        if isinstance(part, HostPart):
            values |= zip(part.outputs, run_region(part.module, given), strict=True)
            continue
        at = "reference" if part.program.arithmetic == "real" else backend
        traces[part.name] = trace = run(part.program, given, backend=at)
        values |= {v: trace.real(name) for v, name in part.outputs.items()}
    return HybridTrace(hybrid, values, traces, _crossings(hybrid, values, traces))


def _crossings(
    hybrid: HybridProgram, values: Mapping[str, Array], traces: Mapping[str, Trace]
) -> tuple[Crossing, ...]:
    found = []
    for part in hybrid.chip_parts:
        for value in part.inputs:
            bits = _port_bits(part.program, value)
            size, messages = values[value].size, np.count_nonzero(values[value])
            if bits > 1:
                port = part.program.port(value)
                messages = np.count_nonzero(np.rint(values[value] * port.scale))
            source = hybrid.source[value]
            found.append(Crossing(value, source, part.name, bits, size, int(messages)))
        for value, name in part.outputs.items():
            sent = traces[part.name].aligned(name)
            bits = _sent_bits(part.program, name)
            target = _readers(hybrid, value)
            found.append(
                Crossing(value, part.name, target, bits, sent.size, int(np.count_nonzero(sent)))
            )
    return tuple(found)


def _port_bits(program: Program, name: str) -> int:
    return max(1, program.port(name).num_message_bits)


def _sent_bits(program: Program, name: str) -> int:
    model = NEURON_MODELS[program.neuron(name).model]
    if not model.graded:
        return 1
    return STATE_BITS if model.sends == "v" else MESSAGE_BITS


def _readers(hybrid: HybridProgram, value: str) -> str:
    """Where a value goes; the host passes on what several parts read."""
    names = [p.name for p in hybrid.parts if value in p.inputs]
    return ", ".join([*names, *(["output"] if value in hybrid.outputs else [])])
