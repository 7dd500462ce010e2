"""Joules per second of audio on all hardware: the price tables of audio systems side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from neurodeploy.bench.audio_records import AudioSystem
from neurodeploy.bench.energy_records import SecondEnergy
from neurodeploy.report.document import Cell, Sources, Table
from neurodeploy.report.text import NOTHING, band, si

Place = tuple[str, str, str]  # hardware, precision, model


def joules(system: AudioSystem, place: Place) -> SecondEnergy | None:
    """The estimate of a place, if it has a price."""
    found = (e for e in system.energy if (e.hardware, e.precision, e.model) == place)
    return next((e for e in found if e.energy_j is not None), None)


def energy_cell(e: SecondEnergy | None, *, band_too: bool = True) -> Cell:
    """Joules, and their band behind them."""
    if e is None or e.energy_j is None:
        return Cell(NOTHING)
    inside = f" ({band(e.low_j, e.high_j, 'J')})" if band_too else ""
    return Cell(si(e.energy_j, "J") + inside, order=e.energy_j)


def price_tables(systems: Sequence[AudioSystem], sources: Sources) -> Iterator[Table]:
    """Every hardware; of a codec its lowest and its highest rate."""
    shown = [s for s in systems if s.energy and not _between(s, systems)]
    places: dict[Place, list[SecondEnergy]] = {}
    for system in shown:
        for e in system.energy:
            if e.energy_j is not None:
                places.setdefault((e.hardware, e.precision, e.model), []).append(e)
    left_out = list(dict.fromkeys(_missing(found) for found in places.values()))
    rows = tuple(
        (
            Cell(place[0]),
            Cell(", ".join(place[1:])),
            *(energy_cell(joules(s, place)) for s in shown),
            Cell(found[0].evidence, sources.numbers(_cited(found))),
            Cell(found[0].scope),
            Cell(f"[{left_out.index(_missing(found)) + 1}]"),
        )
        for place, found in sorted(places.items())
    )
    heads = (
        "Hardware",
        "Precision, model",
        *(s.name for s in shown),
        "Evidence",
        "Scope",
        "Without",
    )
    numeric = (False, False, *(True for _ in shown), False, False, False)
    every = {e.hardware for s in shown for e in s.energy}
    unpriced = sorted(every - {place[0] for place in places})
    note = " ".join(f"[{n}] without {text}." for n, text in enumerate(left_out, 1))
    if unpriced:
        note += f" No price is published for: {', '.join(unpriced)}."
    if rows:
        yield Table(
            "Joules per second of audio on all hardware, with bands.", heads, numeric, rows, note
        )


def _between(system: AudioSystem, systems: Sequence[AudioSystem]) -> bool:
    """Whether it is a rate of a codec that has a lower and a higher one."""
    name, _, rate = system.name.rpartition(" ")
    if system.task != "coding":
        return False
    rates = [float(s.name.rpartition(" ")[2]) for s in systems if s.name.startswith(f"{name} ")]
    return min(rates) < float(rate) < max(rates)


def _missing(found: Sequence[SecondEnergy]) -> str:
    """What is left out; layers by their kind, operators without their calls."""
    return "; ".join(dict.fromkeys(_in_words(text) for e in found for text in e.missing))


def _in_words(text: str) -> str:
    if layer := re.fullmatch(r"\S+ \((elementwise|activation|norm|softmax|reduction)\)", text):
        return f"{layer[1]} operations"
    return re.sub(r"^aten\._?(\w+) \(\d+ calls\)$", r"\1", text)


def _cited(found: Sequence[SecondEnergy]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for e in found for source in e.sources))
