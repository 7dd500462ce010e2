"""`run`: a whole input through a Session, stretch by stretch, as a Trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.backends.cpu.session import Session
from neurodeploy.ir.inputs import Inputs, padded, prepare_inputs, run_length
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace

Array = np.ndarray[Any, np.dtype[Any]]


def run(
    program: Program,
    inputs: Inputs,
    *,
    steps: int | None = None,
    probe: str | tuple[str, ...] = (),
) -> Trace:
    """As `reference.run`: T + depth steps, the same integers, counts and peaks."""
    prepared = prepare_inputs(program, inputs)
    length = run_length(program, prepared, steps)
    ready = {name: padded(x[:steps] if steps else x, length) for name, x in prepared.items()}
    batch = next(iter(ready.values())).shape[1]
    session = Session(program, batch, probe=probe)
    recorded = session.advance(ready)
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
