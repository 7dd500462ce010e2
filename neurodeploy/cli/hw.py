"""`neurodeploy hw`: chips, their limits and prices, each with its source."""

from __future__ import annotations

from dataclasses import asdict

import typer

from neurodeploy.cli._show import show_json, show_table


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
    for title, numbers in (("Limits", chip.limits), ("Prices", chip.prices)):
        entries = [(k, q.value, q.unit, q.evidence, q.source) for k, q in numbers.items()]
        show_table(title, ("name", "value", "unit", "evidence", "source"), entries)
    if chip.unpriced:
        typer.echo(f"unpriced (no published figure): {', '.join(chip.unpriced)}")
    if chip.note:
        typer.echo(chip.note)
