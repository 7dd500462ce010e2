"""A document as GitHub-flavoured Markdown: tables and prose, no figures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurodeploy.report.document import Cell, Document, Section, Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")


def render_markdown(document: Document) -> str:
    """The text; characters that Markdown or HTML would take as markup are escaped."""
    lines = [f"# {escaped(document.title)}", "", escaped(document.subtitle), ""]
    lines += [f"- {escaped(f'{a}: {b} ({c})')}" for a, b, c in document.headlines]
    for section in document.sections:
        lines += _section(section)
    if document.sources:
        lines += ["", "## Sources", ""]
        lines += [
            f"{n}. {escaped(text)}{_link(link)}"
            for n, (text, link) in enumerate(document.sources, 1)
        ]
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """`text` on one line with Markdown's characters behind a backslash."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _link(link: str) -> str:
    return f" <{link}>" if link else ""


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {escaped(section.title)}", "")
    for paragraph in section.prose:
        yield from (escaped(paragraph), "")
    for point in section.points:
        yield f"- {escaped(point)}"
    for table in section.tables:
        yield from _table(table)
    for figure in section.figures:
        yield from ("", f"*{escaped(figure.caption)}* {escaped(figure.text)}")


def _table(table: Table) -> Iterator[str]:
    yield ""
    if table.caption:
        yield from (escaped(table.caption), "")
    yield "| " + " | ".join(escaped(column) or " " for column in table.columns) + " |"
    yield "|" + "|".join("---:" if number else "---" for number in table.numeric) + "|"
    for row in table.rows:
        yield "| " + " | ".join(_cell(cell) for cell in row) + " |"
    if table.note:
        yield from ("", escaped(table.note))


def _cell(cell: Cell) -> str:
    cited = "".join(f" \\[{n}\\]" for n in cell.sources)
    return escaped(cell.text) + cited or " "
