"""NIRData (nir >= 1.0.8): recorded spikes and values of a graph's nodes, in and out.

A node's observables are on a grid of dt (`TimeGriddedData`, `(samples, T, N)`) or events
(`EventData`, `ValuedEventData`: index and time in seconds, padded by index -1). N counts a node's
elements in C order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import nir
import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Port, Program
from neurodeploy.ir.trace import Trace

Array = np.ndarray[Any, np.dtype[Any]]
Observable: TypeAlias = "nir.TimeGriddedData | nir.EventData"
NirData: TypeAlias = "nir.NIRGraphData | nir.NIRNodeData | nir.TimeGriddedData | nir.EventData"

# What NIRData calls the states of a Program; others keep their name.
OBSERVABLES = {"s": "spikes", "v": "voltages", "u": "currents"}
# dt is often written as a rounded decimal, and times as multiples of it
TOLERANCE = 1e-6
MOST_VALUES = 1 << 28  # 2 GiB as float64, which a file of a few events could ask for


def is_nir_data(value: object) -> bool:
    kinds = (nir.NIRGraphData, nir.NIRNodeData, nir.TimeGriddedData, nir.EventData)
    return isinstance(value, kinds)


def to_inputs(program: Program, data: NirData) -> dict[str, Array]:
    """One `(T, B, *shape)` array per input port of the Program, on its dt.

    A port takes the node of its name; a single port also takes the only node there is, or an
    observable on its own. A node with several observables is taken by its `spikes`. Raises
    DataError for a missing node, another dt, a wrong number of neurons, and for events that a grid
    of dt cannot hold.
    """
    nodes = _nodes(data)
    names = tuple(p.name for p in program.inputs)
    if len(names) == 1 and len(nodes) == 1:
        nodes = {names[0]: next(iter(nodes.values()))}
    missing = [name for name in names if name not in nodes]
    if missing:
        known = ", ".join(nodes) or "none"
        detail = f"no recorded node is named {', '.join(missing)}; recorded: {known}"
        raise DataError(Diagnostic("input", "nir-data", detail))
    return {p.name: _on_grid(p, nodes[p.name], program.dt) for p in program.inputs}


def _nodes(data: NirData) -> dict[str, dict[str, Observable]]:
    """Observables by node; nodes of nested graphs are `outer.inner`."""
    if isinstance(data, nir.NIRNodeData):
        return {"": dict(data.observables)}
    if not isinstance(data, nir.NIRGraphData):
        return {"": {"": data}}
    found: dict[str, dict[str, Observable]] = {}
    for name, node in data.nodes.items():
        for inner, observables in _nodes(node).items():
            found[f"{name}.{inner}" if inner else name] = observables
    return found


def _on_grid(port: Port, observables: Mapping[str, Observable], dt: float) -> Array:
    where = f"input {port.name}"
    key = "spikes" if "spikes" in observables else next(iter(observables), "")
    if len(observables) != 1 and key != "spikes":
        detail = f"observables {', '.join(observables) or 'none'}, expected one or spikes"
        raise DataError(Diagnostic(where, "nir-data", detail))
    found = observables[key]
    if isinstance(found, nir.TimeGriddedData):
        if not np.isclose(found.dt, dt, rtol=TOLERANCE):
            detail = f"recorded at dt = {found.dt:g} s, the network runs at {dt:g} s"
            raise DataError(Diagnostic(where, "dt", detail, "record it at the network's dt"))
        values = found.data
    else:
        _require_size(int(found.n_neurons), port, where)
        values = _binned(found, dt, where)
    _require_size(values.shape[2], port, where)
    return values.transpose(1, 0, 2).reshape(*values.shape[1::-1], *port.shape)


def _require_size(recorded: int, port: Port, where: str) -> None:
    if recorded != port.size:
        detail = f"{recorded} neurons are recorded, the port has {port.size} {port.shape}"
        raise DataError(Diagnostic(where, "shape", detail))


def _binned(events: nir.EventData, dt: float, where: str) -> Array:
    """Events as `(samples, T, N)`: step k holds the times in [k dt, (k + 1) dt).

    Values that fall into one step of one neuron add up; a second spike has no place there.
    """
    shape = (events.n_samples, _steps(events.t_max, dt, where), int(events.n_neurons))
    if np.prod(shape, dtype=float) > MOST_VALUES:
        detail = f"{shape} (samples, steps, neurons) are too many"
        raise DataError(Diagnostic(where, "size", detail))
    real = events.idx != -1
    place = (np.nonzero(real)[0], *_step_and_neuron(events, real, shape, dt, where))
    if isinstance(events, nir.ValuedEventData):
        values = np.zeros(shape)
        np.add.at(values, place, events.value[real])
        return values
    spikes = np.zeros(shape, dtype=bool)
    spikes[place] = True
    lost = len(place[0]) - int(spikes.sum())
    if lost:
        detail = f"{lost} spikes fall into a step of {dt:g} s in which their neuron has one already"
        raise DataError(Diagnostic(where, "events", detail, "use a shorter dt, or ValuedEventData"))
    return spikes


def _steps(t_max: float, dt: float, where: str) -> int:
    steps = round(t_max / dt) if np.isfinite(t_max) else 0
    if steps < 1 or not np.isclose(steps * dt, t_max, rtol=TOLERANCE):
        detail = f"t_max = {t_max:g} s is no whole number of steps of {dt:g} s"
        raise DataError(Diagnostic(where, "dt", detail))
    return steps


def _step_and_neuron(
    events: nir.EventData, real: Array, shape: tuple[int, ...], dt: float, where: str
) -> tuple[Array, Array]:
    """Of every real event; a time within rounding of k dt is in step k."""
    neuron, at = events.idx[real], np.asarray(events.time, dtype=np.float64)[real] / dt
    at = np.where(np.isfinite(at), at, -1.0)  # which no step is
    near = np.rint(at)
    step = np.where(np.abs(at - near) < TOLERANCE * np.maximum(near, 1), near, np.floor(at))
    inside = (step >= 0) & (step < shape[1]) & (neuron >= 0) & (neuron < shape[2])
    if not inside.all():
        detail = f"{int((~inside).sum())} events lie outside {shape[1]} steps x {shape[2]} neurons"
        raise DataError(Diagnostic(where, "events", detail))
    return step.astype(np.int64), neuron


def from_trace(trace: Trace, *, events: bool = False) -> nir.NIRGraphData:
    """What a run recorded: `spikes` (bool unless they are graded) and, in real units and with NIR's
    v_reset, `voltages` and `currents` of every probed population and output, `(B, T, N)` on the
    grid of dt. events: spikes as events at the start of their step, graded ones with their value.
    """
    found: dict[str, dict[str, Any]] = {}
    for key in (*trace.program.outputs, *trace.states):
        name, _, state = key.partition("/")
        neuron = trace.program.neuron(name)
        state = state or ("s" if NEURON_MODELS[neuron.model].spiking else "v")
        values = trace.real(key)
        if state == "v":
            values = values - np.asarray(neuron.params.get("v_init", 0)) / neuron.scale
        is_bare = state == "s" and not trace.program.is_graded(name)
        recorded = _recorded(values, is_bare, trace.program.dt)
        observables = found.setdefault(name, {})
        observables[OBSERVABLES.get(state, state)] = (
            _as_events(recorded) if events and state == "s" else recorded
        )
    return nir.NIRGraphData({name: nir.NIRNodeData(o) for name, o in found.items()})


def _recorded(values: Array, is_bare: bool, dt: float) -> nir.TimeGriddedData:
    steps, batch = values.shape[:2]
    data = np.ascontiguousarray(values.reshape(steps, batch, -1).transpose(1, 0, 2))
    return nir.TimeGriddedData(data.astype(bool) if is_bare else data, dt)


def _as_events(grid: nir.TimeGriddedData) -> nir.EventData:
    """Everything on the grid that is not 0, by sample in the order of time."""
    sample, step, neuron = np.nonzero(grid.data)
    counts = np.bincount(sample, minlength=grid.n_samples)
    place = (sample, np.arange(len(sample)) - np.repeat(np.cumsum(counts) - counts, counts))
    shape = (grid.n_samples, max(1, int(counts.max(initial=0))))  # nir writes no empty array
    idx, time = np.full(shape, -1), np.full(shape, np.inf)
    idx[place], time[place] = neuron, step * grid.dt
    if grid.data.dtype == bool:
        return nir.EventData(idx, time, grid.n_neurons, grid.t_max)
    value = np.zeros(shape)
    value[place] = grid.data[sample, step, neuron]
    return nir.ValuedEventData(idx, time, grid.n_neurons, grid.t_max, value=value)
