"""The section about ratios: what may be divided, its band, and which prices matter most."""

from __future__ import annotations

from neurodeploy.bench.energy_records import EnergyRatio, Swing
from neurodeploy.bench.results import Results
from neurodeploy.report.document import Cell, Figure, Section, Table
from neurodeploy.report.energy_figures import SIDES
from neurodeploy.report.foremost import PRECISION
from neurodeploy.report.price_sections import hardware_anchor
from neurodeploy.report.text import significant
from neurodeploy.report.trade_figures import tornado

TONES = {"equal": "good", "differs": "bad", "unknown": "quiet"}


def ratios_section(results: Results) -> Section | None:
    """Ratios, tornados, and what was refused; None without an artificial network."""
    if not results.ratios and not results.refused:
        return None
    tables = (_table(results),) if results.ratios else ()
    pictures = tuple(_tornados(results.tornado))
    prose = (
        "Artificial over spiking: above 1 the spiking network costs less. The band lets every "
        "price lie anywhere in its own band, the same on both sides, so that prices which both "
        "share cancel.",
    )
    points = tuple(f"Refused: {reason}." for reason in results.refused)
    return Section("ratios", "Ratios", prose, tables, pictures, points)


def _table(results: Results) -> Table:
    rows = tuple(_row(r) for r in results.ratios)
    columns = ("Hardware", "Artificial / spiking", "Band", "Against", "Model", "Quality", "Forced")
    numeric = (False, True, True, False, False, False, False)
    note = "Same hardware, model, precision and counting convention, but for what was forced."
    return Table("Ratios of energies.", columns, numeric, rows, note)


def _row(r: EnergyRatio) -> tuple[Cell, ...]:
    against = SIDES[r.ann] + (f" on {r.against}" if r.against else "")
    wins = "good" if r.low > 1 else "bad" if r.high < 1 else ""
    return (
        Cell(f"{r.hardware}, {r.precision}"),
        Cell(
            f"{significant(r.ratio)} ×",
            tone=wins,
            anchor=hardware_anchor(r.hardware),
            order=r.ratio,
        ),
        Cell(f"{significant(r.low)} × to {significant(r.high)} ×", order=r.high),
        Cell(against),
        Cell(r.model),
        Cell(r.quality, tone=TONES[r.quality]),
        Cell("; ".join(r.forced), tone="bad" if r.forced else ""),
    )


def _tornados(swings: tuple[Swing, ...]) -> list[Figure]:
    """Of the 8-bit arithmetic and of the memory-aware model."""
    groups: dict[tuple[str, str, str], list[Swing]] = {}
    for s in swings:
        if s.precision == PRECISION or s.model == "memory-aware":
            groups.setdefault((s.hardware, s.model, s.precision), []).append(s)
    return [tornado(group) for group in groups.values()]
