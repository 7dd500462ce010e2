"""`.nir`: standard NIR, and the manifest `.toml` beside it for what NIR has no field for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nir
import numpy as np
import tomli_w

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.ir.hdf5 import read_tree
from neurodeploy.ir.nir_nodes import graph_from_tree
from neurodeploy.whole_files import require_suffix, write_together

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Manifest = dict[str, Any]


def manifest_path(path: Path) -> Path:
    return path.with_suffix(".toml")


def write_nir(path: str | Path, graph: nir.NIRGraph, manifest: Mapping[str, Any]) -> None:
    """Writes standard NIR to `path` and the manifest to the `.toml` beside it, both or none.

    Raises ConfigError for a path that cannot be written and for names that HDF5 cannot hold.
    """
    path = require_suffix(Path(path), ".nir", "a graph's file")
    problems = _unwritable(graph, "")
    if problems:
        raise ConfigError(problems)
    text = tomli_w.dumps(dict(manifest))
    # the manifest first: an old graph under a new manifest is refused where they disagree
    write_together(
        {
            manifest_path(path): lambda temporary: temporary.write_text(text, encoding="utf-8"),
            path: lambda temporary: nir.write(temporary, graph),
        }
    )


def _unwritable(graph: nir.NIRGraph, path: str) -> list[Diagnostic]:
    """Names and values that nir's writer cannot put into HDF5."""
    found = []
    for name, node in graph.nodes.items():
        where = f"node {path}{name}"
        if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\0" in name:
            detail = f"HDF5 cannot hold the name {name!r}"
            found.append(Diagnostic(where, "name", detail, "rename it, without '/'"))
        if isinstance(node, nir.NIRGraph):
            found += _unwritable(node, f"{path}{name}.")
            continue
        for key, value in node.to_dict().items():
            if value is None or (np.asarray(value).dtype.kind == "O" and key != "metadata"):
                detail = "is not set" if value is None else f"is a {type(value).__name__}"
                found.append(Diagnostic(f"{where}.{key}", "value", f"{detail}: cannot be written"))
    return found


@dataclass(frozen=True)
class NirFile:
    """A graph as it was read, its manifest (empty if there is none), and notes on what the reader
    filled in or mended."""

    graph: nir.NIRGraph
    manifest: Manifest
    notes: tuple[str, ...] = ()


def read_nir(path: str | Path) -> tuple[nir.NIRGraph, Manifest]:
    """The graph and its manifest (empty if there is none); see `read_nir_file`."""
    found = read_nir_file(path)
    return found.graph, found.manifest


def read_nir_file(path: str | Path) -> NirFile:
    """Reads `.nir` files of every nir version by our own rules (see `nir_nodes`): nir's type check
    is wrong for some convolutions. Raises DataError with all that is wrong with the file.
    """
    path = Path(path)
    graph, notes = graph_from_tree(read_tree(path, what="NIR file"), str(path))
    return NirFile(graph, read_manifest(manifest_path(path)), notes)


def read_manifest(path: Path) -> Manifest:
    if not path.exists():
        return {}
    try:
        return dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        lines = str(error).strip().splitlines()
        raise DataError(Diagnostic(str(path), "manifest", lines[0])) from error
