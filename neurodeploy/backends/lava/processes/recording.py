"""Mixins around Lava's process models: restart between samples, and record states step by step.

Lava's own ways, `Var.set` and `Var.get`, send one message per element, and a `Monitor` is one
more operating-system process per variable. The mixins leave `run_spk` of the model they precede
untouched: they act before and after it.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.backends.lava.jobs import write_failure

PLAN = "neurodeploy_plan"


@dataclass(frozen=True)
class Plan:
    """What a model does besides its own update; handed over in the process's parameters.

    period: steps of one sample, after which the initial state returns.
    failure: where a model writes its traceback: Lava only counts failures, then waits forever.
    files: state name ("u", "v", "s") to a `.npy` file `(steps, N)` that is there already.
    progress, slot: a `.npy` file of counters and the place of this process in it; "" for none.
    """

    period: int
    failure: str
    files: dict[str, str] = field(default_factory=dict)
    progress: str = ""
    slot: int = 0


class Restarting:
    """Puts the variables named in `restarts` back to their initial values every `period` steps."""

    restarts: tuple[str, ...] = ()
    proc_params: Any
    time_step: int

    def run_spk(self) -> None:
        try:
            self._step()
        except Exception:  # whatever it is, Lava would hang on it: the worker has to know
            write_failure(Path(self.proc_params[PLAN].failure), traceback.format_exc())
            raise

    def _step(self) -> None:
        if self.time_step == 1:
            self._initial = {name: np.copy(getattr(self, name)) for name in self.restarts}
        elif (self.time_step - 1) % self.proc_params[PLAN].period == 0:
            for name, value in self._initial.items():
                setattr(self, name, value.copy())
        super().run_spk()  # type: ignore[misc]  # the model that this is mixed into has it


class Recorded(Restarting):
    """Writes u, v (after reset) and s of every step into the plan's files, C-order flattened.

    Lava holds images as (W, H, C): the transpose is the (C, H, W) of a Program.
    """

    s_out_buff: Any

    def _step(self) -> None:
        super()._step()
        plan = self.proc_params[PLAN]
        if self.time_step == 1:
            self._rows = {k: np.load(path, mmap_mode="r+") for k, path in plan.files.items()}
            self._progress = np.load(plan.progress, mmap_mode="r+") if plan.progress else None
        for state, rows in self._rows.items():
            value = self.s_out_buff if state == "s" else getattr(self, state)
            rows[self.time_step - 1] = value.T.ravel()
        if self._progress is not None:
            self._progress[plan.slot] = self.time_step
