"""`neurodeploy data`: recordings for training and measuring."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

app = typer.Typer(help="Build corpora of real recordings.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Build corpora of real recordings."""


@app.command("prepare")
def data_prepare(
    corpus: Annotated[Path, typer.Argument(help="Folder to build or complete.")],
    packages: Annotated[
        bool, typer.Option(help="Download Debian packages (150 MB) and unpack, not install, them.")
    ] = True,
    speech_folder: Annotated[
        Path | None,
        typer.Option(help="LibriSpeech, LibriTTS, DNS-Challenge, or a folder a speaker."),
    ] = None,
    noise_folder: Annotated[
        Path | None, typer.Option(help="ESC-10, ESC-50, or any folder of noises.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Build a 16 kHz corpus of speech and noise; an interrupted build continues."""
    from neurodeploy.zoo.data.prepare import prepare_corpus

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        tasks: dict[str, TaskID] = {}

        def show(source: str, done: int, total: int) -> None:
            if source not in tasks:
                tasks[source] = bar.add_task(source, total=total)
            bar.update(tasks[source], completed=done)

        minutes = prepare_corpus(
            corpus,
            packages=packages,
            speech_folder=speech_folder,
            noise_folder=noise_folder,
            progress=show,
        )
    if as_json:
        print(json.dumps(minutes))
        return
    table = Table("kind/split", "minutes")
    for key, value in minutes.items():
        table.add_row(key, f"{value:.1f}")
    Console().print(table)
