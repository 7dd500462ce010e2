"""The trained networks in exports/ as fixed Programs, with recorded input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy import pipeline
from neurodeploy.errors import NeurodeployError
from neurodeploy.ir.input_files import read_input
from neurodeploy.ir.inputs import prepare_inputs
from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]
FOLDER = Path(__file__).parents[1] / "exports"
HARDWARE = "loihi2"


def exported_names() -> list[str]:
    """Every graph in exports/ that has recorded input beside it."""
    return [p.stem for p in sorted(FOLDER.glob("*.nir")) if _recorded(p.stem)]


def exported(name: str) -> tuple[Program, Array]:
    """The Program for HARDWARE and the port's integers `(T, B, *shape)` of the recorded input.

    Raises the compiler's errors.
    """
    failure: NeurodeployError | None = None
    for path in _recorded(name):
        try:
            calibration = read_input(path)
            compiled = pipeline.compile(FOLDER / f"{name}.nir", HARDWARE, calibration=calibration)
        except NeurodeployError as error:
            failure = error
            continue
        (values,) = prepare_inputs(compiled.program, calibration).values()
        return compiled.program, values
    assert failure is not None
    raise failure


def _recorded(name: str) -> list[Path]:
    """Calibration input of this graph, or of the longest beginning of its name."""
    found = [
        path
        for path in FOLDER.glob("*_calibration.npz")
        if name.startswith(path.name.removesuffix("_calibration.npz"))
    ]
    return sorted(found, key=lambda path: len(path.name), reverse=True)
