"""docs/precision.md, made of what benchmarks/precision.py measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "precision.json"
TABLE = Path(__file__).parents[1] / "docs" / "precision.md"
HEAD = """# Accuracy at fewer weight bits

Whole test sets through the `cpu` backend, on the integers of Loihi 2. *Rounded* is the compiled
network as it is, *calibrated* the same with `--rounding calibrated` (docs/quantization.md) and no
training; *tuned* went on from the real weights with its training recipe through the chip's integers
for a few steps (`neurodeploy.zoo.fine_tuning`), one run, no selection. Decays have 12 bits,
thresholds 17, states 24; weights of both signs lose one bit to the sign.

"""
TASKS = {
    "vad": "speech or not, per 10 ms frame",
    "digits": "spoken digits, official split",
    "braille": "27 Braille letters",
}
COMMAND = "python -m benchmarks.precision --again --vad CORPUS --digits FSDD --braille BRAILLE"
COLUMNS = ("network", "test set", "float", "weight bits", "rounded", "calibrated", "tuned", "steps")


def table(results: dict[str, Any]) -> str:
    """The document: a table, and for each network what one answer weighs."""
    lines = [_row(COLUMNS), _row(["---"] * len(COLUMNS))]
    shown = [name for name in TASKS if name in results["networks"]]
    for name in shown:
        rows = results["networks"][name]
        for width, rounded in sorted(rows["fixed"].items(), key=lambda row: -int(row[0])):
            others = (rows.get(key, {}).get(width) for key in ("calibrated", "tuned"))
            lines.append(
                _row(
                    (
                        name,
                        f"{TASKS[name]}, {rows['answers']:,}",
                        _percent(rows["real"]),
                        width,
                        _percent(rounded["accuracy"], rows["real"]),
                        *(_percent(o["accuracy"], rows["real"]) if o else "" for o in others),
                        str(rows["identity"]["steps"]),
                    )
                )
            )
    made = results["provenance"]
    torch = made["versions"].get("torch", "?")
    weights = ", ".join(
        f"{100 / results['networks'][name]['answers']:.2g} in {name}" for name in shown
    )
    foot = f"""
In brackets: points against float; one answer weighs {weights}.
Tuning trains on, so it may end above float. The detector's threshold is the best one of its
validation set, found for each row.

Made by `{COMMAND}` ({made["created"][:10]}, torch {torch}); the data: exports/README.md.
"""
    return HEAD + "\n".join(lines) + "\n" + foot


def _percent(share: float, against: float | None = None) -> str:
    text = f"{100 * share:.2f} %"
    return text if against is None else f"{text} ({100 * (share - against):+.2f})"


def _row(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"
