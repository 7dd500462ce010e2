"""Results as CSV in long form: one number a row, with what it is, its unit and its source."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from neurodeploy.bench.counting.convention import Convention
from neurodeploy.bench.counting.record import LayerCount
from neurodeploy.bench.results import Results

COLUMNS: Final = (
    "network",
    "side",
    "hardware",
    "precision",
    "model",
    "layer",
    "quantity",
    "value",
    "unit",
    "low",
    "high",
    "evidence",
    "scope",
    "source",
    "convention",
)
Row = dict[str, Any]


def render_csv(results: Results) -> str:
    """Counts over the whole run, energies per inference, ratios; empty where nothing is known.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    target = io.StringIO()
    writer = csv.DictWriter(target, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in _rows(results):
        writer.writerow({key: _safe(value) for key, value in row.items()})
    return target.getvalue()


def _safe(value: Any) -> Any:
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky else value


def _rows(results: Results) -> Iterator[Row]:
    common = {"network": results.network.name, "convention": results.convention}
    for row in (*_counts(results), *_energies(results), *_ratios(results)):
        yield common | {key: value for key, value in row.items() if value is not None}


def _counts(results: Results) -> Iterator[Row]:
    sides = {"snn": results.counts, "ann": None if results.ann is None else results.ann.counts}
    for side, record in sides.items():
        if record is None:
            continue
        for row in record.counted:
            for quantity, value in _amounts(row, record.convention).items():
                place = {"side": side, "layer": row.name, "quantity": quantity}
                yield place | {"value": value, "unit": "1 per run"}


def _amounts(row: LayerCount, by: Convention) -> dict[str, int]:
    return {
        "dense MACs": row.dense(by),
        "effective MACs": row.effective_macs(by),
        "effective ACs": row.effective_acs(by),
        "bias additions": row.bias_adds,
        "multiplications": row.multiplies,
        "additions": row.adds,
        "comparisons": row.compares,
        "neuron updates": row.updates,
        "spikes in": row.spikes_in,
        "spikes out": row.spikes_out,
    }


def _energies(results: Results) -> Iterator[Row]:
    for e in results.energy:
        place = {"hardware": e.hardware, "precision": e.precision, "model": e.model}
        for t in e.terms:
            yield place | {
                "side": e.side,
                "layer": t.layer,
                "quantity": f"energy, {t.term.replace('_', ' ')}",
                "value": t.energy_j,
                "unit": "J per inference",
                "low": t.low_j,
                "high": t.high_j,
                "evidence": t.evidence or "unpriced",
                "scope": t.scope,
                "source": t.source,
            }
        yield place | {
            "side": e.side,
            "quantity": "energy, total",
            "value": e.energy_j,
            "unit": "J per inference",
            "low": e.low_j,
            "high": e.high_j,
            "evidence": e.evidence or "unpriced",
            "scope": e.scope,
        }


def _ratios(results: Results) -> Iterator[Row]:
    for r in results.ratios:
        forced = "".join(f"; {words}" for words in r.forced)
        yield {
            "side": f"{r.ann} / snn",
            "hardware": r.hardware,
            "precision": r.precision,
            "model": r.model,
            "quantity": f"energy ratio, quality {r.quality}{forced}",
            "value": r.ratio,
            "unit": "1",
            "low": r.low,
            "high": r.high,
        }
