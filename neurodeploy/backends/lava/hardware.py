"""Runs a job on a Loihi 2 board with Lava's `Loihi2HwCfg`. Import after `compat.import_lava`.

Written against Lava's public interface (`Loihi2HwCfg`, and the spike adapters of Intel's
extension as lava-dl's notebooks use them). It has not run on silicon: nobody without Intel's
extension can do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg
from lava.proc.io.sink import RingBuffer as Sink

from neurodeploy.backends.lava.jobs import Job
from neurodeploy.backends.lava.network import build, ring_buffers
from neurodeploy.backends.lava.processes.recording import Plan
from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]


def execute_on_loihi2(
    job: Job, program: Program, data: Mapping[str, Array], plans: Mapping[str, Plan]
) -> None:
    """Builds and runs the network once per sample; writes the spikes of every population."""
    for sample in range(job.batch):
        rows = slice(sample * job.period, (sample + 1) * job.period)
        _run_sample(job, program, {k: values[rows] for k, values in data.items()}, plans, rows)


def _run_sample(
    job: Job,
    program: Program,
    data: Mapping[str, Array],
    plans: Mapping[str, Plan],
    rows: slice,
) -> None:
    sources = _adapted(program, ring_buffers(data))
    processes = build(program, sources, plans, Plan(job.period, ""))
    sinks = {name: _sink(process, job.period) for name, process in processes.items()}
    root = next(iter(processes.values()))
    try:
        root.run(condition=RunSteps(num_steps=job.period), run_cfg=Loihi2HwCfg())
        for index, (name, sink) in enumerate(sinks.items()):
            plan = plans[name]
            np.load(plan.files["s"], mmap_mode="r+")[rows] = sink.data.get().T
            np.load(plan.progress, mmap_mode="r+")[index] = rows.stop
    finally:
        root.stop()


def _adapted(program: Program, outs: Mapping[str, Any]) -> dict[str, Any]:
    """The ports behind adapters that turn host messages into spikes on the chip."""
    from lava.proc import embedded_io

    adapted = {}
    for port in program.inputs:
        adapter = embedded_io.spike.PyToNxAdapter(
            shape=(port.size,), num_message_bits=port.num_message_bits
        )
        outs[port.name].connect(adapter.inp)
        adapted[port.name] = adapter.out
    return adapted


def _sink(process: Any, steps: int) -> Any:
    from lava.proc import embedded_io

    adapter = embedded_io.spike.NxToPyAdapter(shape=process.s_out.shape, num_message_bits=0)
    sink = Sink(shape=process.s_out.shape, buffer=steps)
    process.s_out.connect(adapter.inp)
    adapter.out.connect(sink.a_in)
    return sink
