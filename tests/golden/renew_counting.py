"""Rewrites the tables of docs/counting.md from the code and from the benchmark's results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from benchmarks.documents import between
from neurodeploy.bench.counting.convention import CHOICES, WORDS
from neurodeploy.bench.counting.neuron_arithmetic import TABLES

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "counting.md"
RESULTS = ROOT / "benchmarks" / "results" / "op_counting.json"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = tuple(head)
    lines = (names, ("---",) * len(names), *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def choices() -> str:
    rows = (
        (f"`{name}`" if i == 0 else "", f"`{choice}`", WORDS[name, choice])
        for name, allowed in CHOICES.items()
        for i, choice in enumerate(allowed)
    )
    return table(("choice", "", "what it means"), rows)


def neurons() -> str:
    rows = (
        (package, f"`{name}`", *map(str, (n.multiplies, n.adds, n.compares, n.states)))
        for package, known in TABLES.items()
        for name, n in known.items()
    )
    return table(("", "class", "multiplies", "adds", "compares", "states"), rows)


def speed() -> str:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = []
    for each in found["measurements"]:
        seconds = each["seconds"]
        ratios = (
            f"{seconds[way] / seconds['plain']:.2f}" if way in seconds else "–"
            for way in ("each", "first", "neurobench")
        )
        rows.append((each["network"], f"{1e3 * seconds['plain']:.1f} ms", *ratios))
    head = ("network", "plain forward", "counted", "first batch", "neurobench")
    words = (
        "Processor time of a batch, and multiples of it (`python -m benchmarks.op_counting`, one "
        "thread; the first batch\nincludes looking through the weights):\n\n"
    )
    return words + table(head, rows)


def renewed(text: str) -> str:
    for name, made in (("choices", choices()), ("speed", speed()), ("neurons", neurons())):
        text = between(text, name, made)
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
