"""The training loop ends a run that has stopped learning, and only such a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from torch import nn

from neurodeploy.errors import DataError
from neurodeploy.zoo.train.loop import LEFT_OUT, Metrics, RunFiles, run_steps


@dataclass(frozen=True)
class Recipe:
    steps: int = 3 * LEFT_OUT
    lr: float = 0.1
    warmup: int = 1
    validate_every: int = 1000


def _run(out: Path, finite: Callable[[int], bool]) -> list[int]:
    taken: list[int] = []

    def advance(step: int) -> Metrics:
        taken.append(step)
        return {"gradient": 1.0 if finite(step) else math.nan}

    files = RunFiles(out / "checkpoint.safetensors")
    run_steps(
        nn.Linear(1, 1),
        [],
        Recipe(),
        {},
        files,
        advance=advance,
        validate=dict,
        report=lambda step, steps, metrics: None,
    )
    return taken


def test_a_run_without_gradients_is_ended(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"training-diverged.*up to step {LEFT_OUT + 7}"):
        _run(tmp_path, lambda step: step < 7)
    assert not list(tmp_path.iterdir())


def test_one_good_step_in_between_keeps_it_going(tmp_path: Path) -> None:
    taken = _run(tmp_path, lambda step: step % LEFT_OUT == 0)
    assert len(taken) == 3 * LEFT_OUT
