"""`--input FILE`: `.npy`, `.npz` or NIRData (`.nir`), as the inputs of a Program."""

from __future__ import annotations

from pathlib import Path

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.array_files import choose, read_arrays
from neurodeploy.ir.inputs import Array, Inputs
from neurodeploy.ir.nir_data import to_inputs
from neurodeploy.ir.nir_data_file import read_nir_data
from neurodeploy.ir.program import Program


def read_inputs(path: str | Path, program: Program) -> Inputs:
    """The input of the Program: an array if it has one port, else one by the name of each.

    An `.npz` has a key per port; for a single port its only array or the key `input` will do.
    NIRData is put on the grid of the Program's dt (see `nir_data.to_inputs`). Raises DataError for
    a file that is damaged or lacks a port.
    """
    if Path(path).suffix == ".nir":
        found = to_inputs(program, read_nir_data(path))
    else:
        found = choose(read_arrays(path), tuple(p.name for p in program.inputs), str(path))
    return found if len(found) > 1 else next(iter(found.values()))


def read_input(path: str | Path) -> Array:
    """The one array of a `.npy` or `.npz`, or the one under the key `input`."""
    if Path(path).suffix == ".nir":
        detail = "NIRData is read for a network, whose dt and inputs it has to match"
        raise DataError(Diagnostic(str(path), "array-file", detail))
    return choose(read_arrays(path), ("input",), str(path))["input"]
