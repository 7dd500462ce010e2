"""Several comparisons on one page: an overview, each network's sections, the prices once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from neurodeploy.bench.energy_records import EnergyRatio
from neurodeploy.bench.results import HardwareRecord, Results
from neurodeploy.report.document import Cell, Document, Section, Sources, Table
from neurodeploy.report.foremost import foremost, place
from neurodeploy.report.price_sections import hardware_anchor, prices_section
from neurodeploy.report.sections import links_of, network_sections
from neurodeploy.report.text import NOTHING, count, per, plural, si, significant


def build_joint(all_results: Sequence[Results]) -> Document:
    """One document of two results or more."""
    first = all_results[0]
    sources = Sources(links={k: v for results in all_results for k, v in links_of(results).items()})
    sections = [_overview(all_results)]
    for number, results in enumerate(all_results, 1):
        sections += [
            replace(s, key=f"n{number}-{s.key}", title=f"{results.title}: {s.title}")
            for s in network_sections(results, sources)
        ]
    hardware: dict[str, HardwareRecord] = {}
    for results in all_results:
        hardware |= {chip.name: chip for chip in results.hardware}
    everything = replace(first, hardware=tuple(hardware.values()))
    sections.append(prices_section(everything, sources))
    names = ", ".join(r.title for r in all_results)
    return Document(
        title=f"Energy of {names}",
        subtitle=f"{plural(len(all_results), 'network')}. Energies are estimated, not measured.",
        headlines=(),
        sections=tuple(sections),
        sources=sources.cited,
    )


def _overview(all_results: Sequence[Results]) -> Section:
    """A row for each network and each of the foremost estimates."""
    rows = tuple(row for results in all_results for row in _rows(results))
    columns = (
        "Network",
        "Synaptic operations",
        "Artificial MACs",
        "Hardware",
        "Spiking",
        "Dense / spiking",
        "Band",
        "Zero-skipping / spiking",
        "Quality",
    )
    numeric = (False, True, True, False, True, True, True, True, False)
    note = "Per inference. Ratios above 1: the spiking network costs less."
    table = Table("The networks at a glance.", columns, numeric, rows, note)
    return Section("overview", "Overview", tables=(table,))


def _rows(results: Results) -> list[tuple[Cell, ...]]:
    operations = sum(x.synaptic_operations for x in results.layers)
    ann = results.ann
    macs = NOTHING if ann is None else count(round(ann.counts.macs_per_step * ann.passes))
    rows: list[tuple[Cell, ...]] = []
    for e in foremost(results):
        like = [
            r
            for r in results.ratios
            if (r.hardware, r.model, r.precision) == (e.hardware, e.model, e.precision)
            and not r.against
        ]
        dense = next((r for r in like if r.ann == "ann"), None)
        skipping = next((r for r in like if r.ann != "ann"), None)
        band = (
            NOTHING if dense is None else f"{significant(dense.low)} to {significant(dense.high)}"
        )
        row = (
            Cell(results.title),
            Cell(per(operations, results.network.batch)),
            Cell(macs),
            Cell(place(e), anchor=hardware_anchor(e.hardware)),
            Cell(si(e.energy_j, "J"), order=e.energy_j),
            _ratio(dense),
            Cell(band),
            _ratio(skipping),
            Cell(NOTHING if dense is None else dense.quality),
        )
        rows.append(row)
    return rows


def _ratio(r: EnergyRatio | None) -> Cell:
    if r is None:
        return Cell(NOTHING)
    tone = "good" if r.low > 1 else "bad" if r.high < 1 else ""
    return Cell(f"{significant(r.ratio)} ×", tone=tone, order=r.ratio)
