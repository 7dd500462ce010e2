"""docs/benchmarks.md shows the results that are committed beside the benchmark."""

from __future__ import annotations

from benchmarks import documents


def test_tables_are_those_of_the_results():
    found, runs, sets = documents.results()
    text = (documents.DOCS / "benchmarks.md").read_text(encoding="utf-8")
    for name, new in documents.tables(found, runs, sets).items():
        assert documents.between(text, name, new) == text, name
    plot = (documents.DOCS / "benchmarks.svg").read_text(encoding="utf-8")
    assert documents.plot(found["measurements"]) == plot
