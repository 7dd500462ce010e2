"""Training that can be stopped at any time: the loop, its checkpoints and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.train.checkpoint import load_checkpoint, read_numbers, save_checkpoint

Metrics = dict[str, float]
Report = Callable[[int, int, Metrics], None]


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


def run_steps(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    recipe: Schedule,
    identity: dict[str, Any],
    checkpoint: Path,
    *,
    advance: Callable[[int], Metrics],
    validate: Callable[[], Metrics],
    report: Report,
) -> list[dict[str, Any]]:
    """All steps of a recipe, or those that `checkpoint` leaves; the history of validations.

    advance(step) takes one optimizer step and must depend on `step` alone, so that a run that was
    stopped continues bit for bit. Raises ConfigError for a checkpoint with another `identity`.
    """
    step, history = 0, []
    if checkpoint.is_file():
        numbers = read_numbers(checkpoint)
        if numbers["identity"] != identity:
            hint = "give another --out"
            detail = "made with another variant, recipe or corpus"
            raise ConfigError(Diagnostic(str(checkpoint), "checkpoint-foreign", detail, hint))
        load_checkpoint(checkpoint, model, optimizer)
        step, history = int(numbers["step"]), list(numbers["history"])
    while step < recipe.steps:
        metrics = advance(step)
        step += 1
        report(step, recipe.steps, metrics)
        if step % recipe.validate_every == 0 or step == recipe.steps:
            history.append({"step": step, "train": metrics, "val": validate()})
            numbers = {"step": step, "history": history, "identity": identity}
            save_checkpoint(checkpoint, model, optimizer, numbers)
    return history
