"""cpu: fixed Programs as compiled code, bit-exact with `reference`, with work that follows spikes.

`run` for whole inputs, `Session` for streams. numba is imported on first use only.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from neurodeploy.errors import BackendUnavailable, Diagnostic
from neurodeploy.ir.inputs import Inputs
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace

if TYPE_CHECKING:
    from neurodeploy.backends.cpu.session import Session

__all__ = ["Session", "available", "run"]


def available() -> None:
    """Raises BackendUnavailable if numba is missing."""
    if importlib.util.find_spec("numba") is None:
        hint = "pip install numba"
        raise BackendUnavailable(
            Diagnostic("backend cpu", "package", "numba is not installed", hint)
        )


def run(
    program: Program,
    inputs: Inputs,
    *,
    steps: int | None = None,
    probe: str | tuple[str, ...] = (),
) -> Trace:
    """Runs `(T, B, *shape)` input through the Program; see `simulation.run`."""
    available()
    from neurodeploy.backends.cpu import simulation

    return simulation.run(program, inputs, steps=steps, probe=probe)


def __getattr__(name: str) -> Any:
    if name == "Session":
        available()
        from neurodeploy.backends.cpu.session import Session

        return Session
    raise AttributeError(name)
