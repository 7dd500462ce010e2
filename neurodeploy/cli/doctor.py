"""`neurodeploy doctor`: what is installed, what it is for, and the command that installs it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neurodeploy import doctor
from neurodeploy.cli._show import say, show_json
from neurodeploy.doctor import Part

NARROW = 80


def command(
    install: str | None = typer.Option(None, help="install this part here: lava"),
    constraints: Path | None = typer.Option(None, help="a pip constraints file for --install"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """List the tools around NeuroDeploy, or install one. Exit code 3 if the core lacks a part."""
    if install is not None:
        say(doctor.install(install, constraints, say))
    parts = doctor.parts()
    if as_json:
        show_json([{**asdict(part), "found": part.found} for part in parts])
    elif install is None:
        _show(parts)
    if any(part.needed and not part.found for part in parts):
        raise typer.Exit(3)


def _show(parts: tuple[Part, ...]) -> None:
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("part", "version", "for", "install with"):
        table.add_column(column, overflow="fold")
    for part in parts:
        version = Text(part.version, "green") if part.found else Text("not found", "yellow")
        table.add_row(part.name, version, part.purpose, Text(part.install))
    Console(width=None if sys.stdout.isatty() else NARROW).print(table)
