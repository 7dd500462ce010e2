"""Do two files hold the same network? Nodes, edges, parameters and dt that differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir

from neurodeploy import pipeline
from neurodeploy.ir.graph_diff import NetworkDiff, diff_networks
from neurodeploy.ir.network_parts import Parts, graph_parts, program_parts
from neurodeploy.ir.program import Program
from neurodeploy.ir.repair import repair as repair_graph
from neurodeploy.primitives import PRIMITIVES


def diff(
    a: nir.NIRGraph | Program | str | Path,
    b: nir.NIRGraph | Program | str | Path,
    *,
    tolerance: float = 0.0,
    repair: bool = False,
) -> NetworkDiff:
    """What differs between two graphs, or between two compiled Programs; `.equal` if nothing does.

    Sources are graphs, Programs or the paths of `.nir`, `.ndp` and `.net` files. Elements differ if
    |a - b| > tolerance * max(|a|, |b|). Names that differ do not count: nodes are then matched by
    structure. repair mends both graphs first. Raises what reading raises, and ConfigError for a
    graph against a Program.
    """
    return diff_networks(_parts(a, repair), _parts(b, repair), tolerance=tolerance)


def _parts(source: Any, repair: bool) -> Parts:
    if isinstance(source, nir.NIRGraph):
        return graph_parts(repair_graph(source, PRIMITIVES)[0] if repair else source)
    if isinstance(source, Program):
        return program_parts(source)
    if Path(source).suffix == ".nir":
        found = pipeline.read_graph(source, repair=repair)
        return graph_parts(found.graph, found.manifest)
    return program_parts(pipeline.load(source, None))
