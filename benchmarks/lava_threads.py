"""Lava without its operating-system processes: its compiler, models and ports, one thread each.

What Lava's runtime does is left out: forks, shared memory, semaphores, run commands. Its compiler
chooses and describes the process models, its builders make them and their ports, and `run_spk` of
each is called once per step; between the ports are queues instead of shared memory, with the same
shapes and dtypes. A program of a few populations takes milliseconds a step less that way, so that
tens of thousands of them can be compared.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from neurodeploy.backends.lava.compat import import_lava
from neurodeploy.ir.program import Program

import_lava()  # with its cures, before anything imports Lava
from lava.magma.compiler.utils import PortInitializer  # noqa: E402
from lava.magma.core.run_configs import Loihi2SimCfg  # noqa: E402

from neurodeploy.backends.lava.models import MODELS, search_once  # noqa: E402
from neurodeploy.backends.lava.network import build, ring_buffers  # noqa: E402
from neurodeploy.backends.lava.processes.recording import Plan  # noqa: E402

Array = np.ndarray[Any, np.dtype[Any]]
PATIENCE_S = 600.0  # the machine may be busy
search_once()


class End:
    """One end of a channel, as far as Lava's ports use it."""

    def __init__(self, port: PortInitializer, source: PortInitializer, queue: Any) -> None:
        self.name = port.name
        self.shape, self.d_type = source.shape, source.d_type
        self._queue = queue

    def send(self, data: Array) -> None:
        """Puts a copy in the channel's dtype."""
        copy = np.empty(self.shape, dtype=self.d_type)
        copy[:] = data[:]
        self._queue.put(copy)

    def recv(self) -> Array:
        """The oldest that was sent. Raises queue.Empty if none comes for PATIENCE_S."""
        return self._queue.get(timeout=PATIENCE_S)


def run(program: Program, inputs: Mapping[str, Array], keys: tuple[str, ...]) -> dict[str, Array]:
    """`(T, N)` of each key `NODE/STATE`, for one sample of `(T, N)` inputs."""
    steps = len(next(iter(inputs.values())))
    with tempfile.TemporaryDirectory(prefix="neurodeploy-lava-") as folder:
        plan = Plan(steps, str(Path(folder) / "failure.txt"))
        plans = {n.name: plan for n in program.neurons}
        processes = build(program, ring_buffers(inputs), plans, plan)
        config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=MODELS)
        models: dict[Any, Any] = {}
        for process in processes.values():
            if process not in models:
                models.update(_models(process.compile(config)))
        wanted: dict[Any, list[str]] = {model: [] for model in models.values()}
        for key in keys:
            wanted[models[processes[key.partition("/")[0]]]].append(key)
        return _run(wanted, steps)


def _models(executable: Any) -> dict[Any, Any]:
    """Lava's process models of a compiled network, joined by queues."""
    builders = executable.proc_builders
    for channel in executable.channel_builders:
        queue: Any = SimpleQueue()
        source, target = channel.src_port_initializer, channel.dst_port_initializer
        sending, receiving = End(source, source, queue), End(target, source, queue)
        builders[channel.src_process].set_csp_ports([sending])
        builder = builders[channel.dst_process]
        builder.set_csp_ports([receiving])
        builder.add_csp_port_mapping(f"{channel.src_process.id}_{source.name}", receiving)
    return {process: builder.build() for process, builder in builders.items()}


def _run(models: Mapping[Any, list[str]], steps: int) -> dict[str, Array]:
    recorded: dict[str, list[Array]] = {key: [] for keys in models.values() for key in keys}
    failures: list[BaseException] = []

    def work(model: Any) -> None:
        try:
            for step in range(1, steps + 1):
                model.time_step = step
                model.run_spk()
                for key in models[model]:
                    state = key.partition("/")[2]
                    value = model.s_out_buff if state == "s" else getattr(model, state)
                    recorded[key].append(np.array(value, dtype=np.int64).T.ravel())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in sorted(failures, key=lambda error: isinstance(error, Empty)):
        raise failure  # the first that is not merely waiting for another
    return {key: np.stack(rows) for key, rows in recorded.items()}
