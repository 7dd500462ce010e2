"""docs/netx.md shows what is read of a netx file, and what cannot be written."""

from __future__ import annotations

from tests.golden.renew_netx import DOCUMENT, renewed


def test_tables_are_what_the_code_says() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert renewed(text) == text
