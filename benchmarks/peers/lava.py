"""Lava's processes on its CPU simulation (fixed_pt), one sample.

The network is started and warm: a run is `Process.run(RunSteps(T))` of a paused network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import Refused, Runner
from neurodeploy.backends.lava.compat import import_lava
from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]
FOREVER = 1 << 60


def prepare(program: Program, x: Array) -> Runner:
    import_lava()
    from neurodeploy.backends.lava.network import build

    return start(program, x, lambda *given: build(program, *given))


def start(program: Program, x: Array, build: Callable[..., dict[str, Any]]) -> Runner:
    """A network of what `build` makes of sources, plans and restart; see `lava.network.build`."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.conv.process import Conv
    from lava.proc.io.sink import RingBuffer

    from neurodeploy.backends.lava.network import ring_buffers
    from neurodeploy.backends.lava.processes.recording import Plan
    from neurodeploy.backends.lava.processes.synapses import RestartingConv

    steps, batch = x.shape[:2]
    if batch > 1:
        raise Refused("one sample at a time")
    folder = Path(tempfile.mkdtemp(prefix="neurodeploy-benchmark-"))
    plan = Plan(FOREVER, str(folder / "failure.txt"))
    rows = {program.inputs[0].name: x.reshape(steps, -1).astype(np.int32)}
    processes = build(ring_buffers(rows), {n.name: plan for n in program.neurons}, plan)
    out = processes[program.outputs[0]]
    sink = RingBuffer(shape=out.s_out.shape, buffer=steps)
    out.s_out.connect(sink.a_in)
    # Lava's own Conv fails on wide images
    own = {Conv: RestartingConv}
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=own)

    def read() -> Array:
        return np.moveaxis(np.asarray(sink.data.get()), -1, 0).reshape(steps, 1, -1)

    def run() -> None:
        out.run(condition=RunSteps(num_steps=steps), run_cfg=config)

    return Runner(run, read, close=out.stop)
