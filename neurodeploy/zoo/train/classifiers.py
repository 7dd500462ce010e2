"""The zoo's classifiers by name: data from disk, training with progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from neurodeploy.zoo.data.braille import read_braille
from neurodeploy.zoo.data.digits import read_digits
from neurodeploy.zoo.data.sequences import Split
from neurodeploy.zoo.train.braille import braille_task
from neurodeploy.zoo.train.classifier import Classification, train
from neurodeploy.zoo.train.digits import digits_task
from neurodeploy.zoo.train.loop import Metrics

CLASSIFIERS = ("digits", "braille")


def task_and_data(
    name: str,
    data: Path,
    held_out: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Classification, Split]:
    """What a classifier is trained with; raises what its reader raises."""
    if name == "digits":
        return digits_task(held_out), read_digits(data, held_out=held_out, progress=progress)
    return braille_task(), read_braille(data)


def train_classifier(
    name: str, data: Path, out: Path, *, held_out: str | None = None
) -> dict[str, Any]:
    """Read the data, then `classifier.train`; its metrics."""
    torch.set_num_threads(1)  # one order of summation; layers this small gain nothing from more
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        reading = bar.add_task("recordings")
        task, split = task_and_data(
            name,
            data,
            held_out,
            lambda done, total: bar.update(reading, completed=done, total=total),
        )
        row = bar.add_task(name, total=task.recipe.steps)

        def show(step: int, steps: int, m: Metrics) -> None:
            text = (
                f"{name}  loss {m['loss']:.3f}  accuracy {m['accuracy']:.2f}  rate {m['rate']:.2f}"
            )
            bar.update(row, completed=step, description=text)

        return train(task, split, out, report=show)
