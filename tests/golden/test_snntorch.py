"""docs/snntorch.md shows what the frontend makes of each class and option."""

from __future__ import annotations

import pytest

from tests.golden.renew_snntorch import DOCUMENT, renewed


def test_tables_are_what_the_frontend_says():
    pytest.importorskip("snntorch")
    text = DOCUMENT.read_text(encoding="utf-8")
    assert renewed(text) == text
