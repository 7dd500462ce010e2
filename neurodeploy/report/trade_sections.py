"""The section about trade-offs: energy against quality, steps and memory traffic."""

from __future__ import annotations

from neurodeploy.bench.results import Results
from neurodeploy.report.document import Cell, Figure, Section, Table
from neurodeploy.report.energy_figures import SIDES
from neurodeploy.report.foremost import foremost, place
from neurodeploy.report.text import NOTHING, percent, si
from neurodeploy.report.trade_figures import energy_over_steps, pareto, roofline

SRAM_BYTES = 8  # of an access to the 8 KB SRAM


def trade_section(results: Results) -> Section | None:
    """None for results of one operating point without memory."""
    places = {e.place: place(e) for e in foremost(results)}
    metric = next((m for p in results.points for m in p.quality), "")
    found: list[Figure | None] = []
    for key, name in places.items():
        found.append(pareto(results.points, key, name, metric))
        found.append(energy_over_steps(results.points, key, name))
    found.append(_roofline(results))
    pictures = tuple(f for f in found if f is not None)
    tables = (_points(results, places, metric),) if results.points else ()
    if not pictures and not tables:
        return None
    return Section("trade", "What a longer look costs", tables=tables, figures=pictures)


def _roofline(results: Results) -> Figure | None:
    for chip in results.hardware:
        add, sram = chip.prices.get("int32_add"), chip.prices.get("sram_8kb_64bit")
        if add is not None and sram is not None:
            return roofline(results.roofline, add.value, sram.value / SRAM_BYTES)
    return None


def _points(results: Results, places: dict[str, str], metric: str) -> Table:
    rows = tuple(
        (
            Cell(SIDES[p.side]),
            Cell(f"{p.steps:,}", order=p.steps),
            Cell(percent(p.quality.get(metric), 3) if metric else NOTHING),
            *(Cell(si(p.energies[key], "J") if key in p.energies else NOTHING) for key in places),
        )
        for p in results.points
    )
    columns = ("Network", "Steps or passes", metric or "Quality", *places.values())
    numeric = (False, True, True, *(True for _ in places))
    caption = "Quality and energy per inference after fewer steps."
    note = "Without messages between cores."
    return Table(caption, columns, numeric, rows, note)
