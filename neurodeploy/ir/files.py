"""All files that are read and written, by one name: see the module of each format.

Every file is written beside its place and renamed, so that none is ever half-written.
"""

from __future__ import annotations

from neurodeploy.ir.input_files import read_input, read_inputs
from neurodeploy.ir.nir_data_file import read_nir_data, write_nir_data
from neurodeploy.ir.nir_file import (
    Manifest,
    NirFile,
    manifest_path,
    read_manifest,
    read_nir,
    read_nir_file,
    write_nir,
)
from neurodeploy.ir.program_file import read_program, write_program
from neurodeploy.ir.trace_file import SavedTrace, read_trace, require_trace_place, write_trace

__all__ = [
    "Manifest",
    "NirFile",
    "SavedTrace",
    "manifest_path",
    "read_input",
    "read_inputs",
    "read_manifest",
    "read_nir",
    "read_nir_data",
    "read_nir_file",
    "read_program",
    "read_trace",
    "require_trace_place",
    "write_nir",
    "write_nir_data",
    "write_program",
    "write_trace",
]
