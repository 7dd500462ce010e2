"""From a placement's results to a document: the verdict, the limits, the mesh, the cores."""

from __future__ import annotations

from typing import Final

from neurodeploy.bench.placement import CoreUse, PlacementResults
from neurodeploy.report.document import Cell, Document, Section, Sources, Table, cells_of
from neurodeploy.report.mesh import mesh_picture
from neurodeploy.report.text import NOTHING, count, percent, si

MOST_CORES: Final = 256  # that get a row


def build_placement(results: PlacementResults) -> Document:
    """The whole report of a placement."""
    sources = Sources()
    sections = [_verdict(results), _limits(results, sources)]
    if results.cores:
        figure = mesh_picture(results)
        sections.append(Section("mesh", "Mesh", figures=(figure,), points=results.lines))
        sections.append(_cores(results))
    sections.append(_provenance(results))
    return Document(
        title=results.title,
        subtitle=results.verdict,
        headlines=_headlines(results),
        sections=tuple(sections),
        sources=sources.cited,
    )


def _headlines(results: PlacementResults) -> tuple[tuple[str, str, str], ...]:
    found = [("verdict", "fits" if results.fits else "does not fit", results.hardware)]
    if results.cores:
        chips = len({core.chip for core in results.cores})
        found.append(("cores", count(len(results.cores)), f"on {chips} chip(s)"))
    if results.step_s is not None:
        found.append(("estimated step", si(results.step_s, "s"), "bottleneck core and barrier"))
    return tuple(found)


def _verdict(results: PlacementResults) -> Section:
    points = [*(f"because {r}" for r in results.reasons)]
    points += [f"would fit {r}" for r in results.remedies]
    return Section("verdict", "Verdict", prose=(results.verdict,), points=tuple(points))


def _limits(results: PlacementResults, sources: Sources) -> Section:
    rows = tuple(
        (
            Cell(limit.name),
            Cell(count(limit.value), sources.number(limit.source)),
            Cell(NOTHING if limit.peak is None else count(limit.peak)),
            Cell(percent(limit.mean)),
            Cell(NOTHING if limit.cores is None else count(limit.cores)),
            Cell(limit.evidence, tone="bad" if limit.evidence == "assumed" else ""),
        )
        for limit in results.limits
    )
    columns = ("Limit", "Of one core", "Most used", "Mean", "Cores it alone asks for", "Evidence")
    table = Table("", columns, (False, True, True, True, True, False), rows)
    return Section("limits", "Limits of a core", tables=(table,) if rows else ())


def _cores(results: PlacementResults) -> Section:
    shown = results.cores[:MOST_CORES]
    left_out = len(results.cores) - len(shown)
    columns = ("Chip, row, column", "Holds", "Nearest limit", "Used", "Synops", "In", "Out", "Time")
    numeric = (False, False, False, True, True, True, True, True)
    rows = tuple(_core_row(results, core) for core in shown)
    note = "Synaptic operations and messages per step, means over the run."
    note += f" {left_out:,} more cores are not listed." if left_out else ""
    return Section("cores", "Cores", tables=(Table("", columns, numeric, rows, note),))


def _core_row(results: PlacementResults, core: CoreUse) -> tuple[Cell, ...]:
    name, used, most = core.nearest(results.limits)
    means = (core.synaptic_operations, core.messages_in, core.messages_out)
    return (
        Cell(f"{core.chip}, {core.row}, {core.column}"),
        Cell(", ".join(core.holds)),
        Cell(name),
        Cell(f"{count(used)} of {count(most)}"),
        *(Cell(NOTHING if n is None else f"{n:,.1f}") for n in means),
        Cell(NOTHING if core.time_s is None else si(core.time_s, "s")),
    )


def _provenance(results: PlacementResults) -> Section:
    p = results.provenance
    rows = [("Created", p.created), ("Command", p.command or NOTHING)]
    rows += [(key.capitalize(), value) for key, value in p.machine.items()]
    rows += [*p.versions.items(), ("Results schema", results.schema)]
    table = Table("", ("", ""), (False, False), tuple(cells_of(*row) for row in rows))
    return Section("provenance", "Provenance", tables=(table,))
