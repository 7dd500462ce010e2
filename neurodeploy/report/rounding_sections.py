"""The section about what the compiler's rounding did to each layer."""

from __future__ import annotations

from neurodeploy.bench.results import Results
from neurodeploy.passes.quantize import LayerReport
from neurodeploy.report.document import Cell, Section, Table, cells_of
from neurodeploy.report.text import NOTHING, count, percent, significant

COLUMNS = (
    "Layer",
    "Weight bits",
    "Weight error",
    "Weights cut off",
    "Decay error",
    "Threshold error",
    "Head-room",
    "Disagreement alone",
    "In the network",
    "Overflows",
)
NOTE = (
    "Weight error: root mean square, relative. Head-room: 2^23 over the largest state of the "
    "calibration data. Disagreement: share of spikes and silences that differ from the real "
    "network's on the calibration data, of a read-out the relative error of its membrane; alone: "
    "fed what the real network sends."
)


def rounding_section(results: Results) -> Section | None:
    """Layer by layer; None for a network that was not rounded here."""
    if not results.rounding:
        return None
    numeric = (False, *(True for _ in COLUMNS[1:]))
    rows = tuple(_row(layer) for layer in results.rounding)
    table = Table("What rounding did to each layer.", COLUMNS, numeric, rows, NOTE)
    return Section("rounding", "Rounding", tables=(table,))


def _row(layer: LayerReport) -> tuple[Cell, ...]:
    widths = sorted(set(layer.weight_bits.values()))
    bits = ", ".join(map(str, widths)) or NOTHING
    return cells_of(
        layer.name,
        bits if layer.rounding == "nearest" else f"{bits} {layer.rounding}",
        percent(max(layer.weight_error.values(), default=0.0)),
        count(layer.cut_weights),
        significant(layer.decay_error),
        percent(layer.threshold_error),
        significant(layer.headroom),
        percent(layer.predicted),
        percent(layer.measured),
        NOTHING if layer.saturations is None else count(layer.saturations),
    )
