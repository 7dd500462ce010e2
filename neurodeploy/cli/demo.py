"""`neurodeploy demo`: the road end to end on the shipped recordings."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    output: Path = typer.Option(Path("runs/demo"), "-o", "--output", help="folder to write"),
) -> None:
    """Take two trained detectors from snnTorch to Lava, verified at each stage, and report."""
    from neurodeploy.demo import run_demo

    for path in run_demo(output, lambda line: typer.echo(line)):
        typer.echo(f"wrote {path}")
