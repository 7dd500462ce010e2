"""From a verification's results to a document: the verdict, every layer, then where they part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from neurodeploy.agreement.evidence import LayerEvidence
from neurodeploy.agreement.rows import LayerRow, layer_rows, place
from neurodeploy.bench.verification import VerificationResults
from neurodeploy.report.document import Cell, Document, Figure, Section, Table, cells_of
from neurodeploy.report.text import NOTHING, count, percent, plural, price
from neurodeploy.report.verification_figures import membrane, over_time, raster

MOST_LAYERS: Final = 12  # of a pair that get pictures of their own
STAGES: Final = {
    "torch": "the module in float64",
    "NIR": "the graph, node by node, in float64",
    "real": "the compiler's Program in float64",
    "fixed": "the Program in the chip's integers",
    "lava": "those integers in Lava's simulation of Loihi",
    "loihi2": "those integers on silicon",
    "cpu": "those integers, compiled for this processor",
}


def build_verification(results: VerificationResults) -> Document:
    """The whole report of a verification."""
    rows = layer_rows(results.differences)
    sections = [_stages(results, rows), _layers(rows)]
    sections += _pictures(results)
    sections.append(_provenance(results))
    return Document(
        title=results.title,
        subtitle=f"{results.network}: {plural(results.steps, 'step')} of "
        f"{price(results.dt_s, 's')}, {plural(results.batch, 'sample')}, the same input at every "
        f"stage.",
        headlines=_headlines(rows),
        sections=tuple(sections),
    )


def _headlines(rows: tuple[LayerRow, ...]) -> tuple[tuple[str, str, str], ...]:
    promised = [r for r in rows if r.exact]
    broken = [r for r in promised if not r.agrees]
    found = []
    if promised:
        values = sum(d.compared for r in promised for d in r.found)
        differing = sum(d.differing for r in promised for d in r.found)
        remark = f"of {count(values)} that must be equal"
        found.append(("differing values", count(differing), remark))
    if broken:
        first = broken[0]
        found.append(("first parting", first.layer, f"{first.stages}: {place(first.first)}"))
    spikes = [r.spikes for r in rows if not r.exact and r.spikes is not None]
    if spikes:
        moved, compared = sum(d.differing for d in spikes), sum(d.compared for d in spikes)
        remark = f"{count(moved)} of {count(compared)} spikes and silences"
        found.append(("moved by rounding", percent(moved / compared), remark))
    return tuple(found)


def _stages(results: VerificationResults, rows: tuple[LayerRow, ...]) -> Section:
    names = dict.fromkeys(n for r in rows for n in (r.left, r.right))
    table = Table(
        "Stages, each compared with the one before.",
        ("Stage", "Is"),
        (False, False),
        tuple(cells_of(n, STAGES.get(n, "a backend of the integers")) for n in names),
        "= promises equality: of every spike and integer, and of membranes up to what float64 "
        "rounds. ~ is rounding to integers: measured, nothing is promised.",
    )
    return Section("stages", "Stages", tables=(table,), points=results.warnings)


def _layers(rows: tuple[LayerRow, ...]) -> Section:
    columns = (
        "Stages",
        "Layer",
        "Spikes compared",
        "Differing",
        "Share",
        "First difference",
        "Membrane, largest",
        "RMS",
        "Verdict",
    )
    numeric = (False, False, True, True, True, False, True, True, False)
    note = (
        "Membranes in units of the real one, after the reset. First difference: step, sample and "
        "neuron from 0, and the two values there."
    )
    body = tuple(_row(row) for row in rows)
    table = Table("Layer by layer.", columns, numeric, body, note)
    return Section("layers", "Layers", tables=(table,))


def _row(row: LayerRow) -> tuple[Cell, ...]:
    s, v = row.spikes, row.membrane
    tone = ("good" if row.agrees else "bad") if row.exact else ""
    wrong = sum(d.differing for d in row.found) if s is None else s.differing
    return (
        Cell(row.stages),
        Cell(row.layer),
        Cell(NOTHING if s is None else count(s.compared)),
        Cell(NOTHING if s is None and not row.exact else count(wrong), tone=tone),
        Cell(NOTHING if s is None else percent(s.differing / s.compared)),
        Cell(place(row.first) or NOTHING),
        Cell(NOTHING if v is None else f"{v.largest:.2g}"),
        Cell(NOTHING if v is None else f"{v.rms:.2g}"),
        Cell(row.verdict, tone=tone),
    )


def _pictures(results: VerificationResults) -> Iterable[Section]:
    """A section per pair of stages that differ anywhere."""
    pairs: dict[tuple[str, str], list[LayerEvidence]] = {}
    for e in results.evidence:
        pairs.setdefault((e.left, e.right), []).append(e)
    for number, ((left, right), found) in enumerate(pairs.items()):
        figures: list[Figure] = [over_time(found, results.dt_s)]
        for e in found[:MOST_LAYERS]:
            figures += [f for f in (membrane(e), raster(e)) if f is not None]
        left_out = len(found) - MOST_LAYERS
        prose = (f"Pictures of the first {MOST_LAYERS} layers.",) if left_out > 0 else ()
        title = f"Where {left} and {right} part"
        yield Section(f"pair-{number}", title, prose, figures=tuple(figures))


def _provenance(results: VerificationResults) -> Section:
    p = results.provenance
    rows = [("Created", p.created), ("Command", p.command or NOTHING)]
    rows += [(key.capitalize(), value) for key, value in p.machine.items()]
    rows += [*p.versions.items(), ("Results schema", results.schema)]
    table = Table("", ("", ""), (False, False), tuple(cells_of(*row) for row in rows))
    return Section("provenance", "Provenance", tables=(table,))
