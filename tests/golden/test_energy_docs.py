"""docs/energy.md says what hw_configs/ and a run of the shipped networks say."""

from __future__ import annotations

import pytest

from tests.golden.renew_energy_docs import DOCUMENT, TABLES, with_table


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_made_from_the_code(table):
    """To renew them: python -m tests.golden.renew_energy_docs."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"<!-- {table} -->" in text
    assert with_table(text, table) == text
