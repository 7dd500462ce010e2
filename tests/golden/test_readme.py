"""The README says what the code does: its example runs and prints what stands there."""

from __future__ import annotations

import pytest

from tests.golden.renew_readme import BLOCK, README, example_output, with_table


def test_example_prints_what_the_readme_shows():
    pytest.importorskip("snntorch")
    text = README.read_text(encoding="utf-8")
    shown = BLOCK.search(text)
    assert shown is not None
    assert len(shown[1].strip().splitlines()) <= 12
    assert example_output(text) == shown[2]


def test_detection_table_is_the_committed_one():
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text
