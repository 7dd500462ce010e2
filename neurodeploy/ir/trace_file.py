"""A run's trace as `.npz`, or as NIRData in a `.nir`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.ir.array_files import read_arrays
from neurodeploy.ir.nir_data import from_trace
from neurodeploy.ir.nir_data_file import require_no_graph, write_nir_data
from neurodeploy.ir.trace import Counts, Trace
from neurodeploy.whole_files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]
SUFFIXES = (".npz", ".nir")


@dataclass(frozen=True)
class SavedTrace:
    """What `write_trace` keeps in an `.npz`: outputs and probes `NODE/STATE`, aligned."""

    arrays: Mapping[str, Array]
    counts: Counts


def read_trace(path: str | Path) -> SavedTrace:
    """The `.npz` of a run; DataError for any other file."""
    arrays = read_arrays(path, text=True)
    try:
        counts = Counts.from_dict(json.loads(str(arrays.pop("counts"))))
    except (KeyError, TypeError, ValueError):
        detail = "has no counts of a run"
        hint = "give the trace.npz that `neurodeploy run` writes"
        raise DataError(Diagnostic(str(path), "trace", detail, hint)) from None
    return SavedTrace({k: v for k, v in arrays.items() if v.dtype.kind != "U"}, counts)


def require_trace_place(path: Path, events: bool = False) -> Path:
    """`path`; ConfigError unless a trace can be written there: a graph is called `.nir`, too, and
    only NIRData has events."""
    if path.suffix not in SUFFIXES:
        detail = f"the name of a trace's file ends with {' or '.join(SUFFIXES)}"
        raise ConfigError(Diagnostic(str(path), "suffix", detail))
    if path.suffix == ".nir":
        require_no_graph(path)
    elif events:
        detail = "events are NIRData, and this is none"
        raise ConfigError(Diagnostic(str(path), "events", detail, "write a .nir"))
    return path


def write_trace(path: str | Path, trace: Trace, *, events: bool = False) -> None:
    """`.npz`: `output` and every probe, aligned, the counts as JSON text, and the Program's notes.

    `.nir`: spikes, voltages and currents as NIRData (see `nir_data.from_trace`).
    """
    path = require_trace_place(Path(path), events)
    if path.suffix == ".nir":
        write_nir_data(path, from_trace(trace, events=events))
        return
    arrays = {name: trace.aligned(name) for name in (*trace.program.outputs, *trace.states)}
    arrays["output"] = trace.output
    arrays["counts"] = np.array(json.dumps(trace.counts.to_dict()))
    arrays["notes"] = np.array(json.dumps(trace.program.notes))

    def write(temporary: Path) -> None:
        # np.savez takes names as keyword arguments, and a population may be called like one of its
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)

    write_whole(path, write)
