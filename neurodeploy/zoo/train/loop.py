"""Training that can be stopped at any time: the loop, its files and its learning rate."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

import torch
from torch import nn

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.whole_files import make_folder, write_text
from neurodeploy.zoo.train.checkpoint import load_checkpoint, read_numbers, save_checkpoint
from neurodeploy.zoo.train.devices import Devices

Metrics = dict[str, float]
Report = Callable[[int, int, Metrics], None]
LEFT_OUT = 25  # steps in a row without a finite gradient, after which more would change nothing


class Schedule(Protocol):
    """What the loop reads of a recipe."""

    @property
    def steps(self) -> int: ...  # optimizer steps
    @property
    def lr(self) -> float: ...  # peak learning rate
    @property
    def warmup(self) -> int: ...  # steps from 0 to the peak
    @property
    def validate_every(self) -> int: ...  # steps between validations


def learning_rate(recipe: Schedule, step: int) -> float:
    """Linear warm-up, then half a cosine down to 2 % of the peak."""
    if step < recipe.warmup:
        return recipe.lr * (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.lr * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * done)))


@dataclass(frozen=True)
class RunFiles:
    """What a run leaves on disk, and how often."""

    checkpoint: Path
    metrics: Path | None = None  # one JSON object a step
    save_every: int | None = None  # steps between checkpoints; None: at validations only
    writing: bool = True  # False where another process of the same run writes

    @classmethod
    def within(
        cls, out: Path, save_every: int, devices: Devices, stage: str = "checkpoint"
    ) -> RunFiles:
        """Those of a run in the folder `out`; a stage before the last has files of its own name."""
        log = "metrics" if stage == "checkpoint" else stage
        return cls(
            out / f"{stage}.safetensors", out / f"{log}.jsonl", save_every, devices.rank == 0
        )


def run_steps(
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    recipe: Schedule,
    identity: dict[str, Any],
    files: RunFiles,
    *,
    advance: Callable[[int], Metrics],
    validate: Callable[[], Mapping[str, Any]],
    report: Report,
) -> list[dict[str, Any]]:
    """All steps of a recipe, or those that the checkpoint leaves; the history of validations.

    advance(step) takes one step of every optimizer and must depend on `step` alone, so that a run
    that was stopped continues bit for bit. Raises ConfigError for a checkpoint with another
    `identity`, DataError once LEFT_OUT steps in a row have a "gradient" that is not finite.
    """
    step, history = _resumed(model, optimizers, identity, files.checkpoint)
    log, left_out = _open_log(files, step), 0
    try:
        while step < recipe.steps:
            metrics = advance(step)
            step += 1
            report(step, recipe.steps, metrics)
            if log is not None:
                log.write(json.dumps({"step": step} | metrics) + "\n")
                log.flush()
            left_out = 0 if math.isfinite(metrics.get("gradient", 0.0)) else left_out + 1
            if left_out == LEFT_OUT:
                raise _diverged(files.checkpoint, step)
            validating = step % recipe.validate_every == 0 or step == recipe.steps
            if validating:
                history.append({"step": step, "train": metrics, "val": validate()})
            saving = validating or (files.save_every and step % files.save_every == 0)
            if saving and files.writing:
                numbers = {"step": step, "history": history, "identity": identity}
                save_checkpoint(files.checkpoint, model, optimizers, numbers)
    finally:
        if log is not None:
            log.close()
    return history


def _resumed(
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    identity: dict[str, Any],
    checkpoint: Path,
) -> tuple[int, list[dict[str, Any]]]:
    if not checkpoint.is_file():
        return 0, []
    numbers = read_numbers(checkpoint)
    if numbers["identity"] != identity:
        hint = "give another --out"
        detail = "made with another variant, recipe or corpus"
        raise ConfigError(Diagnostic(str(checkpoint), "checkpoint-foreign", detail, hint))
    load_checkpoint(checkpoint, model, optimizers)
    return int(numbers["step"]), list(numbers["history"])


def _diverged(checkpoint: Path, step: int) -> DataError:
    detail = f"{LEFT_OUT} steps in a row, up to step {step}, had no finite gradient"
    hint = "such steps change no weight; begin anew with a lower learning rate"
    return DataError(Diagnostic(str(checkpoint), "training-diverged", detail, hint))


def _open_log(files: RunFiles, step: int) -> TextIO | None:
    """The metrics file, cut to the steps that the checkpoint has: the others are taken again."""
    if files.metrics is None or not files.writing:
        return None
    make_folder(files.metrics.parent)
    kept: list[str] = []
    if files.metrics.is_file():
        kept = files.metrics.read_text(encoding="utf-8").splitlines(keepends=True)[:step]
    write_text(files.metrics, "".join(kept))
    return files.metrics.open("a", encoding="utf-8")


@contextmanager
def shown_progress(name: str, steps: int, words: Callable[[Metrics], str]) -> Iterator[Report]:
    """A bar on stderr, moved by the report that is given; `words` of a step's metrics beside it."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        row = bar.add_task(name, total=steps)

        def show(step: int, steps: int, metrics: Metrics) -> None:
            text = f"{name}  {words(metrics)}  gradient {metrics['gradient']:.1f}"
            bar.update(row, completed=step, total=steps, description=text)

        yield show
