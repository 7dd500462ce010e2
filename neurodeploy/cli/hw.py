"""`neurodeploy hw`: chips, their limits and prices, each with its source."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from neurodeploy.cli._show import show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.hardware import Quantity


def command(
    name: str = typer.Argument("", help="a chip's name or .toml file; none lists them"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """List chips, or show one with every number's source and evidence."""
    from neurodeploy.hardware import list_hardware, load_hardware

    if not name:
        known = [load_hardware(n) for n in list_hardware()]
        if as_json:
            show_json([{"name": h.name, "title": h.title, "kind": h.kind} for h in known])
        else:
            rows = [(h.name, h.kind, len(h.prices), h.title) for h in known]
            show_table("Hardware", ("name", "kind", "prices", "title"), rows)
        return
    chip = load_hardware(name)
    if as_json:
        show_json(asdict(chip))
        return
    typer.echo(f"{chip.name}: {chip.title}")
    groups = {"Limits": chip.limits, "Prices": chip.prices, "References": chip.references}
    for title, numbers in groups.items():
        if numbers:
            head = ("name", "value", "unit", "evidence", "scope", "source")
            show_table(title, head, [_row(name, q) for name, q in numbers.items()])
    if chip.unpriced:
        typer.echo(f"unpriced (no published figure): {', '.join(chip.unpriced)}")
    if chip.note:
        typer.echo(chip.note)


def _row(name: str, q: Quantity) -> tuple[str | float, ...]:
    return name, q.value, q.unit, q.evidence, q.scope, f"{q.source} {q.link}".strip()
