"""docs/counting.md shows the tables of the code and the committed results."""

from __future__ import annotations

from tests.golden.renew_counting import DOCUMENT, renewed


def test_tables_are_those_of_the_code():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert renewed(text) == text
