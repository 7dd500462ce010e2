"""Rewrites the tables of docs/energy.md from hw_configs/ and from a run of the shipped networks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy import pipeline
from neurodeploy.bench.comparison import Question, run_comparison
from neurodeploy.bench.records import to_json
from neurodeploy.bench.results import Provenance, Results
from neurodeploy.hardware import Hardware, Quantity, list_hardware, load_hardware
from neurodeploy.passes.quantize import Options
from neurodeploy.report.foremost import foremost, place
from neurodeploy.report.markdown import escaped
from neurodeploy.report.text import NOTHING, price, si, significant

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "energy.md"
TRAINED = ROOT / "benchmarks" / "results" / "energy.json"
BLOCK = r"(<!-- {0} -->\n).*?(<!-- /{0} -->)"
MAIN = {"spiking": ("synaptic_operation", "neuron_update"), "processor": ("mac", "activation")}
INPUT_BITS = {"digits": 8, "vad": 6}
CHIPS = ("loihi1", "cmos45nm")


def price_table() -> str:
    """A row for each chip and processor; CMOS has too many prices for one."""
    lines = [
        "| hardware | synaptic operation or MAC | neuron update | evidence | scope | source |",
        "| --- | ---: | ---: | --- | --- | --- |",
    ]
    for name in list_hardware(systems=False):
        chip = load_hardware(name)
        if chip.kind in MAIN:
            lines.append(_price_row(chip))
    return "\n".join(lines) + "\n"


def _price_row(chip: Hardware) -> str:
    first, second = (chip.prices.get(term) for term in MAIN[chip.kind])
    known = first or second
    if known is None:
        whole = [n for n, q in chip.references.items() if q.evidence in ("measured", "reported")]
        workloads = ", ".join(name.replace("_", " ") for name in whole)
        cells = ("unpriced", "unpriced", NOTHING, NOTHING, f"whole workloads alone: {workloads}")
    else:
        inside = "inside" if chip.is_all_in or known.scope == "all-in" else "unpriced"
        shown = tuple(_shown(q, inside) for q in (first, second))
        cells = (*shown, known.evidence, known.scope, _source(known))
    return f"| `{chip.name}` | {' | '.join(cells)} |"


def _shown(q: Quantity | None, otherwise: str) -> str:
    return otherwise if q is None else price(q.value, q.unit)


def _source(q: Quantity) -> str:
    text = escaped(q.source)
    return f"[{text}]({q.link})" if q.link else text


def network_table() -> str:
    """Both shipped networks at 8 bits on their calibration data."""
    lines = [
        "| network | hardware | spiking | dense twin / spiking | zero-skipping twin / spiking |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name in INPUT_BITS:
        lines += _network_rows(compared(name))
    return "\n".join(lines) + "\n"


def compared(name: str) -> Results:
    """A shipped network against its twin."""
    x = np.load(ROOT / "exports" / f"{name}_calibration.npz")["input"]
    compiled = pipeline.compile(
        ROOT / "exports" / f"{name}.nir",
        "loihi2",
        calibration=x,
        options=Options(input_bits=INPUT_BITS[name]),
    )
    chips = [load_hardware(chip) for chip in CHIPS]
    origin = Provenance("", "", {}, {})
    return run_comparison(
        compiled.program, x, chips, provenance=origin, question=Question(), title=name
    )


def _network_rows(results: Results) -> list[str]:
    lines = []
    for e in foremost(results):
        ratios = {
            r.ann: _banded(to_json(r))
            for r in results.ratios
            if (r.hardware, r.model, r.precision) == (e.hardware, e.model, e.precision)
        }
        cells = (
            results.title,
            place(e),
            si(e.energy_j, "J"),
            ratios.get("ann", NOTHING),
            ratios.get("ann-zero-skipping", NOTHING),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def trained_table() -> str:
    """What benchmarks/energy.py measured on the test set: quality beside joules."""
    found = json.loads(TRAINED.read_text(encoding="utf-8"))
    shares = {side: f"{100 * q['accuracy']:.1f} %" for side, q in found["quality"].items()}
    lines = [
        f"{found['inferences']} recordings: the spiking network is right in {shares['snn']}, the "
        f"artificial one ({found['ann']}) in {shares['ann']}.",
        "",
        "| hardware | spiking | dense / spiking | zero-skipping / spiking |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in found["rows"]:
        ratios = (row["ratios"].get(side) for side in ("ann", "ann-zero-skipping"))
        cells = (row["place"], si(row["spiking_j"], "J"), *map(_banded, ratios))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _banded(ratio: dict[str, Any] | None) -> str:
    if ratio is None:
        return NOTHING
    value, low, high = (significant(ratio[key]) for key in ("ratio", "low", "high"))
    return f"{value} ({low} to {high})"


TABLES: dict[str, Callable[[], str]] = {
    "prices": price_table,
    "networks": network_table,
    "trained": trained_table,
}


def with_table(text: str, name: str) -> str:
    """`text` with the table of that name made anew; unchanged if it has no such block."""
    made = TABLES[name]()
    return re.sub(BLOCK.format(name), lambda m: m[1] + made + m[2], text, flags=re.DOTALL)


if __name__ == "__main__":
    document = DOCUMENT.read_text(encoding="utf-8")
    for table in TABLES:
        document = with_table(document, table)
    DOCUMENT.write_text(document, encoding="utf-8")
