"""The chips' meshes with the load of every core."""

from __future__ import annotations

from typing import Final

from neurodeploy.bench.placement import CoreUse, PlacementResults
from neurodeploy.report.document import Figure
from neurodeploy.report.svg import bar, svg, text

CORE: Final = 15.0
GAP: Final = 2.0
TILE: Final = 2 * CORE + GAP + 8.0
CHIP_GAP: Final = 26.0
WIDTH: Final = 720.0
MOST_CHIPS: Final = 8
STEPS: Final = 10  # shades
STYLE: Final = (
    ".mesh-tile{fill:none;stroke:#8a939d;stroke-width:.7}.mesh-worst{stroke:#b3261e;stroke-width:2}"
    ".mesh-core{fill:#2f6fb0}"
    + "".join(f".mesh-{i}{{fill-opacity:{0.12 + 0.088 * i:.2f}}}" for i in range(STEPS + 1))
)


def mesh_picture(results: PlacementResults) -> Figure:
    """Every used chip, up to eight: tiles as frames, cores as squares, darker for more load.

    The load is the time or the operations of a step as a share of the bottleneck's where a run was
    measured, and else the share of the limit that a core comes nearest to.
    """
    chips = sorted({core.chip for core in results.cores})[:MOST_CHIPS]
    rows, columns = results.mesh
    width, height = columns * TILE, rows * TILE
    across = max(1, int((WIDTH + CHIP_GAP) // (width + CHIP_GAP)))
    marks = [f"<style>{STYLE}</style>"]
    for place, chip in enumerate(chips):
        left = place % across * (width + CHIP_GAP)
        top = 22 + place // across * (height + CHIP_GAP + 12)
        marks.append(text(left, top - 7, f"chip {chip}", "label"))
        marks += [
            bar(left + c * TILE, top + r * TILE, TILE - 4, TILE - 4, "mesh-tile")
            for r in range(rows)
            for c in range(columns)
        ]
        marks += [
            _core(results, i, core, left, top)
            for i, core in enumerate(results.cores)
            if core.chip == chip
        ]
    down = -(-len(chips) // across)
    full = min(across, len(chips)) * (width + CHIP_GAP) - CHIP_GAP
    caption = _caption(results, len(chips))
    picture = svg(max(full, 300), 22 + down * (height + CHIP_GAP + 12), caption, marks)
    return Figure(caption, picture, results.verdict)


def load(results: PlacementResults, core: CoreUse) -> float:
    """0..1, see `mesh_picture`."""
    if results.bottleneck is not None:
        worst = results.cores[results.bottleneck]
        if core.time_s is not None and worst.time_s:
            return core.time_s / worst.time_s
        if core.synaptic_operations is not None and worst.synaptic_operations:
            return core.synaptic_operations / worst.synaptic_operations
    _, used, most = core.nearest(results.limits)
    return used / most


def _core(results: PlacementResults, index: int, core: CoreUse, left: float, top: float) -> str:
    share = load(results, core)
    name, used, most = core.nearest(results.limits)
    does = "" if core.synaptic_operations is None else f"; {core.synaptic_operations:,.1f} synops"
    tip = f"{', '.join(core.holds)}: {name} {used:,} of {most:,}{does}"
    worst = " mesh-worst" if index == results.bottleneck else ""
    column, row = core.number % 2, core.number // 2
    return bar(
        left + core.column * TILE + 2 + column * (CORE + GAP),
        top + core.row * TILE + 2 + row * (CORE + GAP),
        CORE,
        CORE,
        f"mesh-core mesh-{round(STEPS * min(share, 1.0))}{worst}",
        tip,
    )


def _caption(results: PlacementResults, chips: int) -> str:
    left_out = len({core.chip for core in results.cores}) - chips
    more = f" {left_out} more chips are not drawn." if left_out else ""
    if results.bottleneck is None:
        return f"Cores on the mesh; the darker, the nearer to a limit of the core.{more}"
    what = "time" if results.cores[results.bottleneck].time_s is not None else "operations"
    return f"Cores on the mesh; the darker, the more {what} per step. Framed: the bottleneck.{more}"
