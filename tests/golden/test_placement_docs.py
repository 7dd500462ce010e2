"""What docs and README say about placement is what the code finds."""

from __future__ import annotations

from tests.golden.renew_placement import (
    DOCUMENT,
    EXAMPLE,
    README,
    TABLE,
    with_example,
    with_table,
)


def test_sizes_are_those_that_placement_finds():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert TABLE.search(text) is not None
    assert with_table(text) == text


def test_example_is_what_fit_prints():
    text = README.read_text(encoding="utf-8")
    assert EXAMPLE.search(text) is not None
    assert with_example(text) == text
