"""docs/norse.md shows what the frontend makes of each class and option."""

from __future__ import annotations

import pytest

from tests.golden.renew_norse import DOCUMENT, between


def test_table_is_what_the_frontend_says():
    pytest.importorskip("norse.torch")
    from tests.conformance.norse_table.outcomes import table

    text = DOCUMENT.read_text(encoding="utf-8")
    assert between(text, "combinations", table()) == text
