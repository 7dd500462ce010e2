"""The section about joules: every estimate, what no price is known for, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import Final

from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.bench.results import Results
from neurodeploy.hardware import weakest_evidence
from neurodeploy.report import energy_figures
from neurodeploy.report.document import Cell, Figure, Section, Sources, Table
from neurodeploy.report.energy_figures import SIDES
from neurodeploy.report.foremost import foremost, place
from neurodeploy.report.price_sections import hardware_anchor
from neurodeploy.report.text import NOTHING, band, price, si

MODELS: Final = {
    "device": "prices per event",
    "arithmetic": "arithmetic alone",
    "memory-aware": "with memory (Lemaire)",
    "processor": "price per MAC",
}


_CLICK: Final = (
    "A click on a number leads to its prices. Mean power: if the network runs in real time, an "
    "inference after the other."
)


def energy_section(results: Results, sources: Sources) -> Section:
    """Totals, what is unpriced, and where the energy goes."""
    priced = [e for e in results.energy if e.energy_j is not None]
    chips = [e for e in priced if e.model == "device"]
    others = [e for e in priced if e.model != "device"]
    tables = (
        _chip_table(chips, sources) if chips else None,
        _side_table(others, sources) if others else None,
        _unpriced_table(results, sources),
    )
    shown = tuple(t for t in tables if t is not None)
    return Section("energy", "Energy", tables=shown, figures=tuple(_pictures(results)))


def _chip_table(energy: Sequence[EnergyEstimate], sources: Sources) -> Table:
    letters = _Letters()
    rows = tuple(
        (
            Cell(e.hardware, anchor=hardware_anchor(e.hardware)),
            Cell(e.scope),
            _joules(e, sources),
            Cell(band(e.low_j, e.high_j, "J"), order=e.high_j),
            Cell(NOTHING if e.power_w is None else si(e.power_w, "W"), order=e.power_w),
            Cell(e.evidence),
            Cell(letters.of(e.missing)),
        )
        for e in energy
    )
    columns = ("Chip", "Prices", "Per inference", "Band", "Mean power", "Evidence", "Without")
    numeric = (False, False, True, True, True, False, False)
    caption = "The spiking network on spiking chips, estimated."
    return Table(caption, columns, numeric, rows, f"{_CLICK} {letters.note}")


def _side_table(energy: Sequence[EnergyEstimate], sources: Sources) -> Table:
    """Both networks, a row for each hardware, precision and model."""
    letters = _Letters()
    groups: dict[str, dict[str, EnergyEstimate]] = {}
    for e in energy:
        groups.setdefault(e.place, {})[e.side] = e
    sides = [side for side in SIDES if any(side in group for group in groups.values())]
    rows = []
    for group in groups.values():
        first = next(iter(group.values()))
        found = [_joules(group[s], sources) if s in group else Cell(NOTHING) for s in sides]
        grade = weakest_evidence(tuple(e.evidence for e in group.values()))
        missing = dict.fromkeys(words for e in group.values() for words in e.missing)
        name = Cell(place(first), anchor=hardware_anchor(first.hardware))
        without = Cell(letters.of(tuple(missing)))
        rows.append((name, *found, Cell(MODELS[first.model]), Cell(grade), without))
    heads = [SIDES[side][:1].upper() + SIDES[side][1:] for side in sides]
    columns = ("Hardware", *heads, "Model", "Evidence", "Without")
    numeric = (False, *(True for _ in sides), False, False, False)
    caption = "Both networks on the same hardware, estimated, per inference."
    return Table(caption, columns, numeric, tuple(rows), letters.note)


def _joules(e: EnergyEstimate, sources: Sources) -> Cell:
    cited = sources.numbers(tuple(t.source for t in e.terms if t.source))
    return Cell(si(e.energy_j, "J"), cited, anchor=hardware_anchor(e.hardware), order=e.energy_j)


class _Letters:
    """Short marks for what totals leave out, explained once below the table."""

    def __init__(self) -> None:
        self._known: list[str] = []

    def of(self, missing: tuple[str, ...]) -> str:
        """ "a, c" for the words that are missing."""
        self._known += [words for words in missing if words not in self._known]
        return ", ".join(sorted(self._letter(words) for words in missing))

    def _letter(self, words: str) -> str:
        return ascii_lowercase[self._known.index(words) % len(ascii_lowercase)]

    @property
    def note(self) -> str:
        """ "Not in the totals: a static power; b ..."."""
        listed = "; ".join(f"{self._letter(words)}: {words}" for words in self._known)
        return f"Not in the totals: {listed}." if listed else ""


def _unpriced_table(results: Results, sources: Sources) -> Table | None:
    """Chips without a single price for what happened: their measured workloads, if any."""
    priced = {e.hardware for e in results.energy if e.energy_j is not None}
    rows = []
    for chip in results.hardware:
        if chip.name in priced:
            continue
        known = [
            f"{name.replace('_', ' ')} {price(q.value, q.unit)} ({q.evidence})"
            for name, q in chip.references.items()
        ]
        cited = sources.numbers(tuple(q.source for q in chip.references.values()))
        row = (
            Cell(chip.name, anchor=hardware_anchor(chip.name)),
            Cell("unpriced", tone="quiet"),
            Cell("; ".join(known) or NOTHING, cited),
        )
        rows.append(row)
    if not rows:
        return None
    caption = "Hardware without published prices: no estimate is made."
    columns = ("Hardware", "Per inference", "Other networks and figures, for orientation")
    return Table(caption, columns, (False, False, False), tuple(rows))


def _pictures(results: Results) -> list[Figure]:
    pictures: list[Figure] = []
    chips = [e for e in results.energy if e.model == "device"]
    for energy in (chips, [e for e in results.energy if e.model != "device"]):
        dots = energy_figures.totals(energy)
        if dots is not None:
            pictures.append(dots)
    for side in ("snn", "ann"):
        for e in foremost(results, side):
            pictures.append(energy_figures.layer_energy(e))
    return pictures
