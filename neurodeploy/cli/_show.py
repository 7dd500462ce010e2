"""Tables and JSON on stdout, progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from neurodeploy.ir.program import Program


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on stdout; numbers right-aligned, cells shown as plain text (no markup)."""
    rows = [[("" if c is None else c) for c in row] for row in rows]
    table = Table(title=Text(title), title_justify="left", header_style="bold")
    for i, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(r[i], int | float) or r[i] == "" for r in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(c)) for c in row))
    width = None if sys.stdout.isatty() else 120
    Console(width=width).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def show_json(value: Any) -> None:
    """JSON on stdout; NaN and infinities, which JSON has no word for, are null."""
    json.dump(_finite(value), sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def say_notes(program: Program) -> None:
    """What was filled in, mended or given up on the way to this Program, on stderr."""
    for note in program.notes:
        say(f"note: {note}")


def say(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(text + "\n")
