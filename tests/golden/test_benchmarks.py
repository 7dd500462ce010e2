"""docs/benchmarks.md shows the results that are committed beside the benchmark."""

from __future__ import annotations

import json

from benchmarks import documents


def test_tables_are_those_of_the_results():
    found = json.loads((documents.RESULTS / "simulators.json").read_text(encoding="utf-8"))
    runs = json.loads((documents.RESULTS / "soak.json").read_text(encoding="utf-8"))
    text = (documents.DOCS / "benchmarks.md").read_text(encoding="utf-8")
    for name, new in documents.tables(found, runs).items():
        assert documents.between(text, name, new) == text, name
    plot = (documents.DOCS / "benchmarks.svg").read_text(encoding="utf-8")
    assert documents.plot(found["measurements"]) == plot
