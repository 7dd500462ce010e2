"""The section about prices: every number with its source, evidence and scope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from neurodeploy.bench.results import HardwareRecord, Results
from neurodeploy.hardware import Quantity
from neurodeploy.report.document import Cell, Section, Sources, Table
from neurodeploy.report.text import price

_COLUMNS: Final = ("Term", "Kind", "Value", "Range", "Evidence", "Scope", "Remark")
_NUMERIC: Final = (False, False, True, True, False, False, False)


def hardware_anchor(name: str) -> str:
    """Where the prices of a hardware stand in the page."""
    return f"prices-{name}"


def prices_section(results: Results, sources: Sources) -> Section:
    """A table for each hardware; a click on a number's mark leads to its source."""
    tables = tuple(_table(chip, sources) for chip in results.hardware)
    return Section("prices", "Prices and their sources", tables=tables)


def _table(chip: HardwareRecord, sources: Sources) -> Table:
    rows = tuple(_rows(chip, sources))
    note = chip.note
    if chip.unpriced:
        names = ", ".join(name.replace("_", " ") for name in chip.unpriced)
        note = f"{note} Unpriced: {names}.".strip()
    caption = f"{chip.name}: {chip.title}."
    key = hardware_anchor(chip.name)
    return Table(caption, _COLUMNS, _NUMERIC, rows, note, key)


def _rows(chip: HardwareRecord, sources: Sources) -> Iterator[tuple[Cell, ...]]:
    for kind, entries in (("price", chip.prices), ("reference", chip.references)):
        for name, q in entries.items():
            yield (
                Cell(name.replace("_", " ")),
                Cell(kind),
                Cell(price(q.value, q.unit), sources.number(q.source), order=q.value),
                Cell(_range(q)),
                Cell(q.evidence),
                Cell(q.scope),
                Cell(q.note),
            )


def _range(q: Quantity) -> str:
    """What the source prints besides the value."""
    ends = [price(end, q.unit) for end in (q.low, q.high) if end is not None and end != q.value]
    return " to ".join(ends)
