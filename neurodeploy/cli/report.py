"""`neurodeploy report`: HTML, Markdown, CSV, LaTeX from a results file; computes nothing."""

from __future__ import annotations

from pathlib import Path

import typer

from neurodeploy.cli._show import say


def command(
    results: list[Path] = typer.Argument(
        ...,
        help="a results .json of compare, bench, verify, fit or audio systems; "
        "several comparisons on one page",
    ),
    output: Path = typer.Option(..., "-o", "--output", help="the .html file to write"),
) -> None:
    """Write the report of results files."""
    from neurodeploy.report import write_joint_report, write_report

    if len(results) == 1:
        written = write_report(results[0], output)
    else:
        written = write_joint_report(results, output)
    say(f"wrote {', '.join(str(path) for path in written)}")
