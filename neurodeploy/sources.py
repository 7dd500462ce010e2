"""What can run, opened: a graph, a Program or a file of either, and the dt that goes with it.

Graphs and `.nir` are lowered; `.ndp` and `.net` hold Programs. What a manifest states and what is
given have to agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import nir
import numpy as np

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.frontends.netx import read_netx
from neurodeploy.ir import lowering
from neurodeploy.ir.clock import check_discretisation, check_dt
from neurodeploy.ir.files import NirFile, read_nir_file, read_program
from neurodeploy.ir.program import Program
from neurodeploy.ir.repair import repair as repair_graph
from neurodeploy.primitives import PRIMITIVES


def load(
    source: nir.NIRGraph | Program | str | Path,
    dt: float | None,
    discretisation: str | None = None,
    *,
    repair: bool = False,
) -> Program:
    """Anything that can run as a Program: a graph and dt, a Program, a `.nir`, `.ndp` or `.net`.

    dt and discretisation of a `.nir` come from its manifest unless given; ConfigError if the two
    differ, or if a Program has another dt. What no one states is forward Euler. repair: a graph is
    mended first, see `ir.repair`. The Program's notes say what was filled in or mended.
    """
    if isinstance(source, Program):
        return _as_given(source, source.name, dt, discretisation)
    if not isinstance(source, nir.NIRGraph) and Path(source).suffix == ".ndp":
        return _as_given(read_program(source), Path(source).name, dt, discretisation)
    if not isinstance(source, nir.NIRGraph) and Path(source).suffix == ".net":
        return _as_given(read_netx(source, dt=dt), Path(source).name, None, discretisation)
    found = graph_source(source, dt, discretisation, repair)
    program = lowering.lower(
        found.graph, found.dt, PRIMITIVES, name=found.name, discretisation=found.discretisation
    )
    return replace(program, notes=(*program.notes, *found.notes))


def _as_given(program: Program, name: str, dt: float | None, word: str | None) -> Program:
    """A Program, whose dt and decays stand; ConfigError if it is asked to have others."""
    if dt is not None and not np.isclose(check_dt(dt), program.dt, rtol=1e-9):
        detail = f"{dt:g} s given, {name} runs steps of {program.dt:g} s"
        raise ConfigError(Diagnostic("dt", "program", detail, "leave it out, or compile again"))
    if word is not None:
        detail = f"{word} given, the decays of {name} are computed already"
        raise ConfigError(
            Diagnostic("discretisation", "program", detail, "leave it out, or start from the .nir")
        )
    return program


def read_graph(path: str | Path, *, repair: bool = False) -> NirFile:
    """A `.nir` with its manifest, mended if asked; its notes say what was filled in or mended.

    Raises DataError for a file that is damaged or no `.nir`.
    """
    path = Path(path)
    if path.suffix != ".nir":
        detail = f"ends with {path.suffix!r}, expected .nir, .ndp or .net"
        raise DataError(Diagnostic(str(path), "suffix", detail))
    found = read_nir_file(path)
    if not repair:
        return found
    graph, mended = repair_graph(found.graph, PRIMITIVES)
    return replace(found, graph=graph, notes=(*found.notes, *mended))


class GraphSource(NamedTuple):
    """A graph and what a run of it needs to know."""

    graph: nir.NIRGraph
    dt: float
    discretisation: str
    name: str
    notes: tuple[str, ...] = ()


def graph_source(
    source: nir.NIRGraph | str | Path,
    dt: float | None,
    discretisation: str | None,
    repair: bool = False,
) -> GraphSource:
    """From the object or a `.nir`."""
    if isinstance(source, nir.NIRGraph):
        if dt is None:
            raise ConfigError(Diagnostic("dt", "missing", "a graph has no time step; give dt"))
        graph, notes = repair_graph(source, PRIMITIVES) if repair else (source, ())
        return GraphSource(graph, check_dt(dt), discretisation or "forward_euler", "network", notes)
    path = Path(source)
    found = read_graph(path, repair=repair)
    word = _agreed_discretisation(path, found.manifest, discretisation)
    return GraphSource(
        found.graph, agreed_dt(path, found.manifest, dt), word, path.stem, found.notes
    )


def _agreed_discretisation(path: Path, manifest: Mapping[str, Any], given: str | None) -> str:
    """The word of the manifest, or the given one; ConfigError if both and different."""
    stated = manifest.get("discretisation")
    if stated is None:
        return given or "forward_euler"
    if given is not None and given != stated:
        detail = f"{given} given, the manifest of {path.name} states {stated}"
        raise ConfigError(
            Diagnostic("discretisation", "manifest", detail, "leave it out, or mend the manifest")
        )
    return check_discretisation(stated)


def agreed_dt(path: Path, manifest: Mapping[str, Any], dt: float | None) -> float:
    """The dt of the manifest, or the given one; ConfigError if neither or both and different."""
    stated = manifest.get("dt")
    if dt is None and stated is None:
        detail = f"{path.name} has no manifest that states it"
        hint = f"give dt in seconds, or write `dt = …` into {path.stem}.toml beside it"
        raise ConfigError(Diagnostic("dt", "missing", detail, hint))
    if stated is None:
        return check_dt(dt)
    stated = check_dt(stated)
    if dt is not None and not np.isclose(check_dt(dt), stated, rtol=1e-9):
        detail = f"{dt:g} s given, the manifest of {path.name} states {stated:g} s"
        raise ConfigError(
            Diagnostic("dt", "manifest", detail, "leave it out, or mend the manifest")
        )
    return stated
