"""One run of Lava in a worker: the job's folder in, its record files out.

Import after `compat.import_lava`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg

from neurodeploy.backends.lava.hardware import execute_on_loihi2
from neurodeploy.backends.lava.jobs import (
    FAILURE,
    NETX,
    PROGRAM,
    PROGRESS,
    Job,
    input_file,
    record_file,
)
from neurodeploy.backends.lava.models import MODELS, search_once
from neurodeploy.backends.lava.network import build, ring_buffers
from neurodeploy.backends.lava.processes.recording import Plan
from neurodeploy.ir.files import read_program
from neurodeploy.ir.program import Program


def execute(folder: Path) -> None:
    """Builds the job's network, runs all its samples in a row, and stops Lava again."""
    job = Job.read(folder)
    program = read_program(folder / PROGRAM, isolated=False)  # the session has just written it
    data = {p.name: np.load(input_file(folder, i)) for i, p in enumerate(program.inputs)}
    plans = _plans(folder, job, program)
    restart = Plan(job.period, str(folder / FAILURE))
    if job.route == "loihi2":
        execute_on_loihi2(job, program, data, plans)
        return
    sources = ring_buffers(data)
    if job.route == "netx":
        from neurodeploy.backends.lava.netx_network import load

        processes = load(folder / NETX, program, sources, plans, restart)
    else:
        processes = build(program, sources, plans, restart)
    run_all((processes[n.name] for n in program.neurons), job.steps)


def _plans(folder: Path, job: Job, program: Program) -> dict[str, Plan]:
    progress = str(folder / PROGRESS)
    return {
        neuron.name: Plan(
            job.period,
            str(folder / FAILURE),
            {s: str(record_file(folder, i, s)) for s in job.records[neuron.name]},
            progress,
            i,
        )
        for i, neuron in enumerate(program.neurons)
    }


def run_all(processes: Iterable[Any], steps: int) -> None:
    """Runs the networks that `processes` belong to: Lava runs what is connected, net by net."""
    search_once()
    for process in processes:
        if process.runtime is not None:
            continue
        config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=MODELS)
        process.run(condition=RunSteps(num_steps=steps), run_cfg=config)
        process.stop()
