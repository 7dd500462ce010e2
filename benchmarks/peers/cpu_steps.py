"""The compiled backend as in real time: a call of `Session.step` for every step."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import Runner
from neurodeploy.backends import cpu
from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]


def prepare(program: Program, x: Array) -> Runner:
    session = cpu.Session(program, x.shape[1])
    found: list[Array] = []

    def run() -> None:
        found[:] = [session.step(now)[program.outputs[0]] for now in x]

    return Runner(run, lambda: np.stack(found).reshape(*x.shape[:2], -1))
