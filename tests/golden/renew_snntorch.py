"""Rewrites what docs/snntorch.md says of the code: the tables of combinations."""

from __future__ import annotations

from pathlib import Path

from tests.golden.renew_norse import between

DOCUMENT = Path(__file__).parents[2] / "docs" / "snntorch.md"


def renewed(text: str) -> str:
    """The text with each table as the frontend gives it now."""
    from tests.conformance.snntorch_table.document import tables

    for name, table in tables().items():
        text = between(text, name, table)
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
