"""`run`: a whole input through a Session, stretch by stretch, as a Trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from neurodeploy.backends.cpu.messages import as_arrays
from neurodeploy.backends.cpu.progress import Progress
from neurodeploy.backends.cpu.session import Session
from neurodeploy.ir.inputs import Inputs, run_length
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace

Array = np.ndarray[Any, np.dtype[Any]]

FIRST_STEPS = 32
STRETCH_S = 0.25  # so that an interrupt is heard and progress is seen
STRETCH_BYTES = 1 << 26
BYTES_PER_VALUE = 16  # an input element becomes at most an index and a value, a record an int64


def run(
    program: Program,
    inputs: Inputs,
    *,
    steps: int | None = None,
    probe: str | tuple[str, ...] = (),
    threads: int | None = None,
) -> Trace:
    """Runs `(T, B, *shape)` input through the Program for T + depth steps.

    The same integers, counts and peaks as `reference.run`; recorded arrays are int32 where these
    fit. Memory beside the input and what is recorded stays bounded: input may be a memory map.
    Raises DataError for input that does not fit, ConfigError for a wrong probe or real arithmetic.
    """
    arrays = as_arrays(program, inputs)
    length = run_length(program, arrays, steps)
    batch = next(iter(arrays.values())).shape[1]
    session = Session(program, batch, probe=probe, threads=threads)
    recorded: dict[str, Array] = {}
    with Progress(length) as progress:
        for start, stop in _stretches(session, length):
            piece = {name: _piece(x[:steps], start, stop) for name, x in arrays.items()}
            for key, values in session.advance(piece).items():
                recorded[key] = _joined(recorded.get(key), values, start, length)
            progress.at(stop)
    return Trace(
        program=program,
        steps=length,
        batch=batch,
        outputs={k: v for k, v in recorded.items() if "/" not in k},
        states={k: v for k, v in recorded.items() if "/" in k},
        counts=session.counts(),
        peaks=session.peaks,
        route="cpu",
    )


def _stretches(session: Session, length: int) -> Iterator[tuple[int, int]]:
    """Stretches of steps, longer and longer up to STRETCH_S and STRETCH_BYTES."""
    shapes = session.program.shapes
    names = [p.name for p in session.program.inputs] + [k.split("/")[0] for k in session.keys]
    values = session.batch * sum(int(np.prod(shapes[name])) for name in names)
    most = max(1, STRETCH_BYTES // (values * BYTES_PER_VALUE))
    start, steps = 0, FIRST_STEPS
    while start < length:
        stop = min(length, start + min(steps, most))
        begin = time.monotonic()
        yield start, stop
        if time.monotonic() - begin < STRETCH_S / 2:
            steps *= 2
        start = stop


def _piece(x: Array, start: int, stop: int) -> Array:
    """Steps start..stop of the input; none of its messages come after its end."""
    piece = x[start:stop]
    missing = stop - start - len(piece)
    if not missing:
        return piece
    return np.concatenate([piece, np.zeros((missing, *x.shape[1:]), dtype=x.dtype)])


def _joined(whole: Array | None, values: Array, start: int, length: int) -> Array:
    """`whole` with the values from `start` on; int64 as soon as they are."""
    if len(values) == length:
        return values
    if whole is None:
        whole = np.empty((length, *values.shape[1:]), dtype=values.dtype)
    if whole.dtype != values.dtype:
        whole = whole.astype(np.int64)
    whole[start : start + len(values)] = values
    return whole
