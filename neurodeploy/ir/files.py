"""Files: `.nir` with its manifest beside it, `.ndp` (a Program in one HDF5) and trace `.npz`.

Every file is written beside its place and renamed, so that none is ever half-written.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import tomli_w
from scipy import sparse

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.ir.trace import Trace
from neurodeploy.ir.verify import verify_program
from neurodeploy.whole_files import require_suffix, write_text, write_whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Manifest = dict[str, Any]

PROGRAM_FORMAT = "neurodeploy-program"
PROGRAM_VERSION = 1
USER_BLOCK = 512
# What a damaged or foreign file makes h5py and nir raise.
READ_ERRORS = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    IndexError,
    RuntimeError,
)


def manifest_path(path: Path) -> Path:
    return path.with_suffix(".toml")


def write_nir(path: str | Path, graph: nir.NIRGraph, manifest: Mapping[str, Any]) -> None:
    """Writes standard NIR to `path` and the manifest to the `.toml` beside it."""
    path = require_suffix(Path(path), ".nir", "a graph's file")
    text = tomli_w.dumps(dict(manifest))
    write_whole(path, lambda temporary: nir.write(temporary, graph))
    write_text(manifest_path(path), text)


def read_nir(path: str | Path) -> tuple[nir.NIRGraph, Manifest]:
    """The graph and its manifest (empty if there is none). Raises DataError for a damaged file.

    nir's own type check is left out: its shapes are wrong for some convolutions, ours replace it.
    """
    path = Path(path)
    _require_file(path)
    try:
        graph = nir.read(path, type_check=False)
    except READ_ERRORS as error:
        raise DataError(
            Diagnostic(str(path), "nir-file", f"not a readable NIR file: {_first_line(error)}")
        ) from error
    if not isinstance(graph, nir.NIRGraph):
        detail = f"holds a {type(graph).__name__}, expected a graph"
        raise DataError(Diagnostic(str(path), "nir-file", detail))
    return graph, read_manifest(manifest_path(path))


def read_manifest(path: Path) -> Manifest:
    if not path.exists():
        return {}
    try:
        return dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(Diagnostic(str(path), "manifest", _first_line(error))) from error


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(Diagnostic(str(path), "file", "there is no such file"))


def _first_line(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def write_program(path: str | Path, program: Program) -> None:
    """Writes a Program as `.ndp`: JSON for the structure, HDF5 datasets for the arrays.

    The HDF5 user block (the first 512 bytes) holds the sha256 of what follows it: the HDF5 library
    may hang on a damaged file, so a reader checks before it opens.
    """

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w", userblock_size=USER_BLOCK) as file:
            file.attrs["format"] = PROGRAM_FORMAT
            file.attrs["version"] = PROGRAM_VERSION
            file.attrs["program"] = json.dumps(_structure(program))
            for neuron in program.neurons:
                group = file.create_group(f"neurons/{neuron.name}")
                for key, value in neuron.params.items():
                    group[key] = value
            for synapse in program.synapses:
                _write_weights(file.create_group(f"synapses/{synapse.name}"), synapse)
        with temporary.open("r+b") as raw:
            raw.seek(USER_BLOCK)
            digest = hashlib.sha256(raw.read()).hexdigest()
            raw.seek(0)
            raw.write(f"{PROGRAM_FORMAT} sha256 {digest}\n".encode())

    write_whole(require_suffix(Path(path), ".ndp", "a Program's file"), write)


def _structure(program: Program) -> dict[str, Any]:
    return {
        "name": program.name,
        "arithmetic": program.arithmetic,
        "dt": program.dt,
        "inputs": [asdict(p) for p in program.inputs],
        "neurons": [
            {k: getattr(n, k) for k in ("name", "shape", "model", "scale", "latency")}
            for n in program.neurons
        ],
        "synapses": [
            {
                "name": s.name,
                "source": s.source,
                "target": s.target,
                "kind": s.kind,
                "delay": s.delay,
                "geometry": asdict(s.geometry) if s.geometry else None,
                "weight_exp": s.weight_exp,
                "num_weight_bits": s.num_weight_bits,
            }
            for s in program.synapses
        ],
        "outputs": program.outputs,
        "meta": dict(program.meta),
        "notes": program.notes,
    }


def _write_weights(group: h5py.Group, synapse: Synapse) -> None:
    if synapse.kind != "sparse":
        group.create_dataset("weights", data=synapse.weights, compression="gzip")
        return
    matrix = sparse.csr_array(synapse.weights)
    for key in ("data", "indices", "indptr"):
        group[key] = getattr(matrix, key)
    group["shape"] = matrix.shape


def read_program(path: str | Path) -> Program:
    """Reads a `.ndp` and verifies it. Raises DataError for a damaged or foreign file."""
    path = Path(path)
    _require_file(path)
    _require_intact(path)
    try:
        with h5py.File(path, "r") as file:
            if int(file.attrs["version"]) != PROGRAM_VERSION:
                detail = f"version {file.attrs['version']}, this release reads {PROGRAM_VERSION}"
                raise DataError(Diagnostic(str(path), "version", detail, "compile it again"))
            program = _read_structure(file)
    except READ_ERRORS as error:
        detail = f"not a readable Program: {_first_line(error)}"
        raise DataError(Diagnostic(str(path), "program-file", detail)) from error
    verify_program(program)
    return program


def _require_intact(path: Path) -> None:
    content = path.read_bytes()
    words = content[:USER_BLOCK].split(b"\n")[0].split()
    if words[:2] != [PROGRAM_FORMAT.encode(), b"sha256"]:
        raise DataError(Diagnostic(str(path), "program-file", "is no compiled Program (.ndp)"))
    if words[2:] != [hashlib.sha256(content[USER_BLOCK:]).hexdigest().encode()]:
        detail = "its content does not have the checksum that was written with it"
        raise DataError(Diagnostic(str(path), "checksum", detail, "compile it again"))


def _read_structure(file: h5py.File) -> Program:
    data = json.loads(file.attrs["program"])
    neurons = tuple(
        Neuron(
            n["name"],
            tuple(n["shape"]),
            n["model"],
            {k: _value(v[()]) for k, v in file[f"neurons/{n['name']}"].items()},
            n["scale"],
            n["latency"],
        )
        for n in data["neurons"]
    )
    return Program(
        name=data["name"],
        arithmetic=data["arithmetic"],
        dt=data["dt"],
        inputs=tuple(Port(**{**p, "shape": tuple(p["shape"])}) for p in data["inputs"]),
        neurons=neurons,
        synapses=tuple(_read_synapse(file, s) for s in data["synapses"]),
        outputs=tuple(data["outputs"]),
        meta=data["meta"],
        notes=tuple(data["notes"]),
    )


def _value(value: Any) -> Any:
    """Scalars of a fixed Program are Python ints again."""
    return int(value) if np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iu" else value


def _read_synapse(file: h5py.File, data: dict[str, Any]) -> Synapse:
    group = file[f"synapses/{data['name']}"]
    weights: Any
    if data["kind"] == "sparse":
        parts = (group["data"][()], group["indices"][()], group["indptr"][()])
        weights = sparse.csr_array(parts, shape=tuple(group["shape"][()]))
    else:
        weights = group["weights"][()]
    g = data.pop("geometry")
    geometry = None
    if g is not None:
        geometry = ConvGeometry(
            tuple(g["stride"]), tuple(g["padding"]), tuple(g["dilation"]), g["groups"]
        )
    return Synapse(weights=weights, geometry=geometry, **data)


def write_trace(path: str | Path, trace: Trace) -> None:
    """`output` and every probe, aligned, and the counts as JSON text, in one `.npz`."""
    arrays = {name: trace.aligned(name) for name in (*trace.program.outputs, *trace.states)}
    arrays["output"] = trace.output
    arrays["counts"] = np.array(json.dumps(trace.counts.to_dict()))

    def write(temporary: Path) -> None:
        # np.savez takes names as keyword arguments, and a population may be called like one of its
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)

    write_whole(require_suffix(Path(path), ".npz", "a trace's file"), write)


def read_input(path: str | Path) -> np.ndarray[Any, Any]:
    """An array from `.npy`, or from `.npz` (its only array, or the key `input`)."""
    path = Path(path)
    _require_file(path)
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            key = "input" if "input" in loaded.files else None
            if key is None and len(loaded.files) == 1:
                key = loaded.files[0]
            if key is None:
                detail = f"arrays {', '.join(loaded.files)}, none is named input"
                raise DataError(Diagnostic(str(path), "array", detail))
            return np.asarray(loaded[key])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        detail = f"not a readable array file: {_first_line(error)}"
        raise DataError(Diagnostic(str(path), "array-file", detail)) from error
