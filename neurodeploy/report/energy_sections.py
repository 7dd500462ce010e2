"""The sections about joules, break-even rates, spikes and the prices' sources."""

from __future__ import annotations

from typing import Final

from neurodeploy.bench.results import Results
from neurodeploy.report import figures
from neurodeploy.report.document import Cell, Figure, Section, Sources, Table, cells_of
from neurodeploy.report.figures import SIDES, place
from neurodeploy.report.operation_sections import FOREMOST
from neurodeploy.report.text import (
    NOTHING,
    band,
    percent,
    price,
    si,
    significant,
)


def energy_section(results: Results, sources: Sources) -> Section:
    """Totals, ratios and where the energy goes."""
    rows = []
    for e in results.energy:
        cited = sources.numbers(tuple(t.source for t in e.terms if t.source))
        cells = (
            Cell(SIDES[e.side]),
            Cell(place(e)),
            Cell(e.scope),
            Cell(si(e.energy_j, "J"), cited, "quiet" if e.energy_j is None else ""),
            Cell(band(e.low_j, e.high_j, "J")),
            Cell(NOTHING if e.power_w is None else si(e.power_w, "W")),
            Cell(e.evidence or NOTHING),
            Cell("; ".join(e.missing)),
        )
        rows.append(cells)
    columns = (
        "Network",
        "Hardware",
        "Scope",
        "Per inference",
        "Band",
        "Mean power",
        "Evidence",
        "Not in the total",
    )
    numeric = (False, False, False, True, True, True, False, False)
    note = "Mean power: if the network runs in real time, an inference after the other."
    total = Table("Estimated energy.", columns, numeric, tuple(rows), note)
    tables = [total] + ([_ratio_table(results)] if results.ratios else [])
    pictures: list[Figure] = []
    dots = figures.totals(results.energy)
    if dots is not None:
        pictures.append(dots)
    for e in results.energy:
        if e.side == "snn" and e.energy_j and e.precision in FOREMOST:
            pictures.append(figures.layer_energy(e, figures.all_layers(results)))
    return Section("energy", "Energy", tables=tuple(tables), figures=tuple(pictures))


_BLANKS: Final = cells_of("", "", "")


def _ratio_table(results: Results) -> Table:
    rows = tuple(
        cells_of(
            f"{r.hardware}, {r.precision}",
            SIDES[r.ann],
            f"{significant(r.ratio)} ×",
            f"{significant(r.low)} × to {significant(r.high)} ×",
        )
        for r in results.ratios
    )
    columns = ("Hardware", "Against", "Artificial / spiking", "Band")
    note = (
        "Above 1 the spiking network costs less. Same hardware, precision and counting convention."
    )
    caption = "Ratios of energies."
    return Table(caption, columns, (False, False, True, True), rows, note)


def rates_section(results: Results, sources: Sources) -> Section | None:
    """Input rates against break-even rates; None if no connection carries spikes."""
    if not results.break_even:
        return None
    rows = []
    for b in results.break_even:
        wins = b.network_rate is not None and b.network_rate < b.rate_with_neurons
        cells = (
            Cell(b.name, sources.numbers(b.sources)),
            Cell(percent(b.rate) if b.rate else "no rate"),
            Cell(percent(b.rate_with_neurons) if b.rate_with_neurons else "no rate"),
            Cell(percent(b.network_rate)),
            Cell("below" if wins else "above", tone="good" if wins else "bad"),
            Cell(b.formula),
        )
        rows.append(cells)
    columns = (
        "Prices",
        "Break-even rate",
        "With neuron updates",
        "This network",
        "Its rate is",
        "Synapses alone, pJ",
    )
    numeric = (False, True, True, True, False, False)
    note = (
        "Rates are spikes per source neuron and step, over connections that carry spikes. The "
        "third column weighs neuron updates against biases and rectifiers, too; “no rate” means "
        "that the rest alone costs more than the artificial network."
    )
    table = Table("Rates at which both cost the same.", columns, numeric, tuple(rows), note)
    picture = figures.rates(results.layers, results.break_even)
    shown = () if picture is None else (picture,)
    return Section("rates", "Firing rates against break-even", tables=(table,), figures=shown)


def raster_section(results: Results) -> Section | None:
    """A sample of spikes; None if the results carry none."""
    picture = figures.raster(results.raster, results.network.dt_s)
    return None if picture is None else Section("raster", "Spikes", figures=(picture,))


def prices_section(results: Results, sources: Sources) -> Section:
    """Every price and reference with its source, evidence and scope."""
    tables = []
    for chip in results.hardware:
        rows: list[tuple[Cell, ...]] = []
        for kind, entries in (("price", chip.prices), ("reference", chip.references)):
            for name, q in entries.items():
                cells = (
                    Cell(name.replace("_", " ")),
                    Cell(kind),
                    Cell(price(q.value, q.unit), sources.number(q.source)),
                    Cell(q.evidence),
                    Cell(q.scope),
                    Cell(q.note),
                )
                rows.append(cells)
        if chip.unpriced:
            names = ", ".join(name.replace("_", " ") for name in chip.unpriced)
            rows.append((*cells_of(names, "price"), Cell("unpriced", (), "quiet"), *_BLANKS))
        columns = ("Term", "Kind", "Value", "Evidence", "Scope", "Remark")
        numeric = (False, False, True, False, False, False)
        caption = f"{chip.name}: {chip.title}."
        tables.append(Table(caption, columns, numeric, tuple(rows), chip.note))
    return Section("prices", "Prices and their sources", tables=tuple(tables))
