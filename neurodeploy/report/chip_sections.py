"""Sections about chips: bottlenecks, cores, real time, measured rails, challenge proxies."""

from __future__ import annotations

from typing import Final

from neurodeploy.bench.energy_records import ChipRun, Measurement
from neurodeploy.bench.results import Results
from neurodeploy.report.document import Cell, Section, Sources, Table, cells_of
from neurodeploy.report.energy_figures import SIDES
from neurodeploy.report.foremost import foremost
from neurodeploy.report.text import NOTHING, band, percent, price, si, significant

_YES: Final = {True: ("yes", "good"), False: ("no", "bad"), None: (NOTHING, "quiet")}


def chips_section(results: Results) -> Section | None:
    """What limits the network: the layer that costs most, the busiest core, time and static power;
    None without any of them."""
    tables = []
    if results.bottlenecks:
        tables.append(_bottlenecks(results))
    if results.chips:
        tables.append(_cores(results))
    return Section("chips", "Bottlenecks", tables=tuple(tables)) if tables else None


def _bottlenecks(results: Results) -> Table:
    shown = {(e.hardware, e.model, e.precision) for e in foremost(results)}
    rows = tuple(
        cells_of(f"{b.hardware}, {b.precision}", b.model, b.layer, percent(b.share))
        for b in results.bottlenecks
        if (b.hardware, b.model, b.precision) in shown
    )
    columns = ("Hardware", "Model", "Layer that costs most", "Its share")
    return Table("Where to save first.", columns, (False, False, False, True), rows)


def _cores(results: Results) -> Table:
    columns = (
        "Chip",
        "Cores",
        "Busiest core",
        "Its operations",
        "Over the mean",
        "Messages per step",
        "Tiles passed",
        "Time of a step",
        "In real time",
        "Static equals the rest at",
    )
    numeric = (False, True, False, True, True, True, True, True, False, True)
    note = (
        f"Real time: a step lasts no longer than {price(results.network.dt_s, 's')}. The busiest "
        "core sets the time of a step, and not the total; a dash is a figure that nobody has "
        "published. Static power, where it has a price, costs as much as all the rest if a step "
        "lasts as long as the last column says."
    )
    rows = tuple(_core_row(c) for c in results.chips)
    return Table(
        "The network placed on chips, at the rates of this run.", columns, numeric, rows, note
    )


def _core_row(c: ChipRun) -> tuple[Cell, ...]:
    words, tone = _YES[c.real_time]
    return (
        Cell(c.hardware),
        Cell(f"{c.cores:,}"),
        Cell(c.core),
        Cell(percent(c.core_share)),
        Cell(f"{significant(c.imbalance)} ×"),
        Cell(significant(c.messages)),
        Cell(significant(c.hops)),
        Cell(NOTHING if c.step_s is None else si(c.step_s, "s")),
        Cell(words, tone=tone),
        Cell(NOTHING if c.crossover_s is None else si(c.crossover_s, "s")),
    )


def measured_section(results: Results) -> Section | None:
    """Rails beside estimates; None without any."""
    if not results.measured:
        return None
    columns = (
        "Network",
        "Hardware",
        "Measured per inference",
        "Dynamic",
        "Estimated",
        "Band",
        "Active",
        "Idle",
        "File",
        "Flags",
    )
    numeric = (False, False, True, True, True, True, True, True, False, False)
    rows = tuple(_measured_row(m, results) for m in results.measured)
    note = (
        "Dynamic: active minus idle power, over the active time. A figure below zero is the "
        "meter's, and stays as it is. Rails and estimates may draw the boundary elsewhere."
    )
    table = Table("Measured beside estimated.", columns, numeric, rows, note)
    return Section("measured", "Measurements", tables=(table,))


def _measured_row(m: Measurement, results: Results) -> tuple[Cell, ...]:
    found = [e for e in results.energy if e.hardware == m.hardware and e.side == m.side]
    estimate = next((e for e in found if e.energy_j is not None), None)
    low, high = (None, None) if estimate is None else (estimate.low_j, estimate.high_j)
    negative = m.dynamic_j is not None and m.dynamic_j < 0
    return (
        Cell(SIDES[m.side]),
        Cell(m.hardware),
        Cell(si(m.energy_j, "J")),
        Cell(NOTHING if m.dynamic_j is None else si(m.dynamic_j, "J"), tone="bad" * negative),
        Cell("unpriced" if estimate is None else si(estimate.energy_j, "J")),
        Cell(band(low, high, "J")),
        Cell(si(m.active_w, "W", 4)),
        Cell(NOTHING if m.idle_w is None else si(m.idle_w, "W", 4)),
        Cell(f"{m.file}, {m.inferences:,} inferences in {price(m.seconds, 's')}"),
        Cell("; ".join(m.flags), tone="bad" if m.flags else ""),
    )


def proxies_section(results: Results, sources: Sources) -> Section | None:
    """Figures in operations that challenges compare by."""
    if not results.proxies:
        return None
    rows = tuple(
        (
            Cell(p.name, sources.number(p.source)),
            Cell("unknown" if p.value is None else si(p.value, p.unit, 4)),
            Cell(p.formula),
        )
        for p in results.proxies
    )
    table = Table(
        "Operations, not joules: to compare with figures of the same challenge alone.",
        ("Proxy", "Value", "Formula"),
        (False, True, False),
        rows,
    )
    return Section("proxies", "Challenge proxies", tables=(table,))
