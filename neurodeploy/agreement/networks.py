"""Do two files hold the same network? Nodes, edges, parameters and dt that differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir

from neurodeploy import pipeline
from neurodeploy.ir.files import read_nir
from neurodeploy.ir.graph_diff import NetworkDiff, diff_networks
from neurodeploy.ir.network_parts import Parts, graph_parts, program_parts
from neurodeploy.ir.program import Program


def diff(
    a: nir.NIRGraph | Program | str | Path,
    b: nir.NIRGraph | Program | str | Path,
    *,
    tolerance: float = 0.0,
) -> NetworkDiff:
    """What differs between two graphs, or between two compiled Programs; `.equal` if nothing does.

    Sources are graphs, Programs or the paths of `.nir`, `.ndp` and `.net` files. Elements differ if
    |a - b| > tolerance * max(|a|, |b|). Names that differ do not count: nodes are then matched by
    structure. Raises what reading raises, and ConfigError for a graph against a Program.
    """
    return diff_networks(_parts(a), _parts(b), tolerance=tolerance)


def _parts(source: Any) -> Parts:
    if isinstance(source, nir.NIRGraph):
        return graph_parts(source)
    if isinstance(source, Program):
        return program_parts(source)
    if Path(source).suffix == ".nir":
        graph, manifest = read_nir(source)
        return graph_parts(graph, manifest)
    return program_parts(pipeline.load(source, None))
