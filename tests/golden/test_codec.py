"""docs/codec.md shows the trainings and results that are committed."""

from __future__ import annotations

from benchmarks import codec_table
from benchmarks.documents import between


def test_tables_are_those_of_the_results() -> None:
    text = codec_table.DOCUMENT.read_text(encoding="utf-8")
    for name, new in codec_table.tables().items():
        assert between(text, name, new) == text, name
