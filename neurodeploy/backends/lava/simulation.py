"""`run`: a fixed Program on Lava's CPU simulation, as a Trace with the reference's integers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.backends.lava import jobs
from neurodeploy.backends.lava.limits import check_ranges
from neurodeploy.backends.lava.netx import write_netx
from neurodeploy.backends.lava.routes import Route, available, check_program, choose
from neurodeploy.backends.lava.session import Session
from neurodeploy.ir.files import write_program
from neurodeploy.ir.inputs import Inputs, expand_probes, padded, prepare_inputs, run_length
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Program
from neurodeploy.ir.trace import Counts, NeuronCounts, Trace, arrivals, count_synapses

Array = np.ndarray[Any, np.dtype[Any]]


def run(
    program: Program,
    inputs: Inputs,
    *,
    steps: int | None = None,
    probe: str | tuple[str, ...] = (),
    route: Route = "auto",
    session: Session | None = None,
) -> Trace:
    """Runs `(T, B, *shape)` input through the Program on Lava for T + depth steps.

    route: "processes" builds Lava processes; "netx" writes lava-dl's format and loads it back with
    lava-dl; "auto" takes netx where the Program and the installation allow it. `Trace.route` says
    which. A `session` saves the start of a worker (a second) when there are several runs.

    States, outputs and counts are those of the reference except for `saturations` and `peaks`,
    which Lava does not report. Raises ConfigError for a Program that is not retimed fixed
    arithmetic, UnsupportedPrimitive for one that netx cannot say, QuantizationError where
    integers leave the range of Lava's int32 simulation, BackendUnavailable where Lava is missing,
    fails or hangs.
    """
    available()
    check_program(program)
    taken = choose(program, route)
    if session is None:
        with Session() as own:
            return run_route(program, inputs, steps, probe, taken, own)
    return run_route(program, inputs, steps, probe, taken, session)


def run_route(
    program: Program,
    inputs: Inputs,
    steps: int | None,
    probe: str | tuple[str, ...],
    route: str,
    session: Session,
) -> Trace:
    """`run` on exactly one route ("processes", "netx", or "loihi2" for `backends.loihi2`)."""
    prepared = prepare_inputs(program, inputs)
    length = run_length(program, prepared, steps)
    sent = {k: padded(x[:steps] if steps else x, length) for k, x in prepared.items()}
    keys = expand_probes(program, probe)
    return _simulate(program, sent, keys, route, session)


def _simulate(
    program: Program, sent: Mapping[str, Array], keys: tuple[str, ...], route: str, session: Session
) -> Trace:
    length, batch = next(iter(sent.values())).shape[:2]
    job = jobs.Job(route, length, batch, _records(program, keys))
    with tempfile.TemporaryDirectory(prefix="neurodeploy-lava-") as name:
        folder = Path(name)
        write_program(folder / jobs.PROGRAM, program)
        if route == "netx":
            write_netx(folder / jobs.NETX, program)
        rows = {
            i: sent[port.name].swapaxes(0, 1).reshape(length * batch, -1)
            for i, port in enumerate(program.inputs)
        }
        widths = {n.name: n.size for n in program.neurons}
        recorded = session.execute(job, folder, rows, widths)
    states = {
        f"{n.name}/{state}": _unrolled(values, length, batch, n.shape)
        for n in program.neurons
        for state, values in recorded[n.name].items()
    }
    outputs = {n.name: states[f"{n.name}/{_sends(n)}"] for n in program.neurons}
    check_ranges(program, _in_a_row({**sent, **outputs}), length)
    return _trace(program, sent, outputs, states, keys, route)


def _records(program: Program, keys: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Per population what it sends and the probed states."""
    records: dict[str, tuple[str, ...]] = {}
    for neuron in program.neurons:
        probed = {k.split("/")[1] for k in keys if k.split("/")[0] == neuron.name}
        records[neuron.name] = tuple(sorted({*probed, _sends(neuron)}))
    return records


def _spiking(neuron: Neuron) -> bool:
    return NEURON_MODELS[neuron.model].spiking


def _sends(neuron: Neuron) -> str:
    return NEURON_MODELS[neuron.model].sends


def _unrolled(rows: Array, length: int, batch: int, shape: tuple[int, ...]) -> Array:
    """`(batch * length, N)` of samples in a row to int64 `(length, batch, *shape)`."""
    return rows.astype(np.int64).reshape(batch, length, *shape).swapaxes(0, 1)


def _in_a_row(sent: Mapping[str, Array]) -> dict[str, Array]:
    return {name: values.reshape(-1, *values.shape[2:]) for name, values in sent.items()}


def _trace(
    program: Program,
    sent: Mapping[str, Array],
    outputs: Mapping[str, Array],
    states: Mapping[str, Array],
    keys: tuple[str, ...],
    route: str,
) -> Trace:
    length, batch = next(iter(sent.values())).shape[:2]
    neurons = tuple(
        NeuronCounts(
            name=n.name,
            model=n.model,
            size=n.size,
            neuron_updates=n.size * length * batch,
            spikes=int(np.count_nonzero(outputs[n.name])) if _spiking(n) else 0,
        )
        for n in program.neurons
    )
    arrived = arrivals(program, {**sent, **outputs}, length)
    synapses = count_synapses(program, arrived, length, batch)
    return Trace(
        program=program,
        steps=length,
        batch=batch,
        outputs={name: outputs[name] for name in program.outputs},
        states={key: states[key] for key in keys},
        counts=Counts(length, batch, neurons, synapses),
        route=f"lava/{route}",
    )
