"""`neurodeploy report`: HTML, Markdown, CSV, LaTeX from a results file; computes nothing."""

from __future__ import annotations

from pathlib import Path

import typer

from neurodeploy.cli._show import say


def command(
    results: Path = typer.Argument(..., help="a results .json of bench, verify or fit"),
    output: Path = typer.Option(..., "-o", "--output", help="the .html file to write"),
) -> None:
    """Write the report of a results file."""
    from neurodeploy.report import write_report

    write_report(results, output)
    say(f"wrote {output}")
