"""Rewrites what docs/netx.md says of the code: what is read, and what cannot be written."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.netx_table.outcomes import table, unsayable_table
from tests.golden.renew_norse import between

DOCUMENT = Path(__file__).parents[2] / "docs" / "netx.md"


def renewed(text: str) -> str:
    """The text with both tables as the code gives them now."""
    return between(between(text, "table", table()), "unsayable", unsayable_table())


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
