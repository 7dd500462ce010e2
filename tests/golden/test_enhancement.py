"""docs/enhancement.md shows the results that are committed beside the benchmarks."""

from __future__ import annotations

from benchmarks import enhancement_table
from benchmarks.documents import between


def test_tables_are_those_of_the_results() -> None:
    text = enhancement_table.DOCUMENT.read_text(encoding="utf-8")
    for name, new in enhancement_table.tables(enhancement_table.results()).items():
        assert between(text, name, new) == text, name
