"""Rewrites what docs/norse.md says of the code: the table of combinations and the round trips."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "norse.md"


def between(text: str, name: str, new: str) -> str:
    """The text with `new` between the marks of `name`."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
    assert marks.search(text)
    return marks.sub(lambda m: m[1] + new + m[2], text)


def renew() -> None:
    from tests.conformance.norse_table.outcomes import table
    from tests.conformance.norse_table.round_trips import figures

    text = between(DOCUMENT.read_text(encoding="utf-8"), "combinations", table())
    DOCUMENT.write_text(between(text, "figures", figures()), encoding="utf-8")


if __name__ == "__main__":
    renew()
