"""`.ndp`: a Program in one HDF5 file, its structure as JSON and its arrays as datasets.

The user block (the first 512 bytes) holds the sha256 of what follows it, so that a damaged Program
is never read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.hdf5 import Group, read_tree
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.ir.verify import verify_program
from neurodeploy.whole_files import require_file, require_suffix, write_whole

PROGRAM_FORMAT = "neurodeploy-program"
PROGRAM_VERSION = 2
USER_BLOCK = 512
# What a file of the right form and the wrong content makes the constructors raise.
CONTENT_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def write_program(path: str | Path, program: Program) -> None:
    """Writes a Program as `.ndp`. Raises ConfigError for a path that cannot be written."""

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w", userblock_size=USER_BLOCK) as file:
            file.attrs["format"] = PROGRAM_FORMAT
            file.attrs["version"] = PROGRAM_VERSION
            file.attrs["program"] = json.dumps(_structure(program))
            for i, neuron in enumerate(program.neurons):
                group = file.create_group(f"neurons/{i}")
                for key, value in neuron.params.items():
                    group[key] = value
            for i, synapse in enumerate(program.synapses):
                _write_weights(file.create_group(f"synapses/{i}"), synapse)
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


def read_program(path: str | Path, *, isolated: bool = True) -> Program:
    """Reads a `.ndp` and verifies it. Raises DataError for a damaged or foreign file.

    isolated=False reads without a process of its own: for what this program has just written.
    """
    path = Path(path)
    require_file(path)
    _require_intact(path)
    tree = read_tree(path, what="Program file", isolated=isolated)
    version = tree.attrs.get("version")
    if version != PROGRAM_VERSION:
        detail = f"version {version}, this release reads {PROGRAM_VERSION}"
        raise DataError(Diagnostic(str(path), "version", detail, "compile it again"))
    try:
        program = _read_structure(tree)
        verify_program(program)
    except CONTENT_ERRORS as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        detail = f"not a readable Program: {type(error).__name__}: {lines[0]}"
        raise DataError(Diagnostic(str(path), "program-file", detail)) from error
    return program


def _require_intact(path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        words = file.read(USER_BLOCK).split(b"\n")[0].split()
        if words[:2] != [PROGRAM_FORMAT.encode(), b"sha256"]:
            raise DataError(Diagnostic(str(path), "program-file", "is no compiled Program (.ndp)"))
        while block := file.read(1 << 20):
            digest.update(block)
    if words[2:] != [digest.hexdigest().encode()]:
        detail = "its content does not have the checksum that was written with it"
        raise DataError(Diagnostic(str(path), "checksum", detail, "compile it again"))


def _read_structure(tree: Group) -> Program:
    data = json.loads(tree.attrs["program"])
    neurons = tuple(
        Neuron(
            n["name"],
            tuple(n["shape"]),
            n["model"],
            {k: _value(v) for k, v in tree["neurons"][str(i)].items()},
            n["scale"],
            n["latency"],
        )
        for i, n in enumerate(data["neurons"])
    )
    return Program(
        name=data["name"],
        arithmetic=data["arithmetic"],
        dt=data["dt"],
        inputs=tuple(Port(**{**p, "shape": tuple(p["shape"])}) for p in data["inputs"]),
        neurons=neurons,
        synapses=tuple(
            _read_synapse(tree["synapses"][str(i)], s) for i, s in enumerate(data["synapses"])
        ),
        outputs=tuple(data["outputs"]),
        meta=data["meta"],
        notes=tuple(data["notes"]),
    )


def _value(value: Any) -> Any:
    """Scalars as Python's."""
    return value.item() if np.ndim(value) == 0 else value


def _read_synapse(group: Group, data: dict[str, Any]) -> Synapse:
    weights: Any
    if data["kind"] == "sparse":
        parts = (group["data"], group["indices"], group["indptr"])
        weights = sparse.csr_array(parts, shape=tuple(int(n) for n in group["shape"]))
    else:
        weights = group["weights"]
    g = data.pop("geometry")
    geometry = None
    if g is not None:
        geometry = ConvGeometry(
            tuple(g["stride"]), tuple(g["padding"]), tuple(g["dilation"]), g["groups"]
        )
    return Synapse(weights=weights, geometry=geometry, **data)
