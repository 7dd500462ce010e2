"""Arrays on their way into a run: shapes, values and the encoding of a fixed Program's ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.nir_data import NirData, is_nir_data, to_inputs
from neurodeploy.ir.program import Port, Program

Array = np.ndarray[Any, np.dtype[Any]]
Inputs: TypeAlias = "Array | Mapping[str, Array] | NirData"


def prepare_inputs(program: Program, inputs: Inputs) -> dict[str, Array]:
    """One `(T, B, *shape)` array per port: float64 for a real Program, int64 for a fixed one.

    A single array feeds the only port; `(T, *shape)` is one sample. The port of a fixed Program
    encodes reals as clip(round(x * scale)); integers are taken as they are and have to fit it.
    nir's data objects are put on the Program's dt. Raises DataError for a wrong shape, dtype or
    value.
    """
    if is_nir_data(inputs):
        inputs = to_inputs(program, inputs)
    if not isinstance(inputs, Mapping):
        if len(program.inputs) != 1:
            names = ", ".join(p.name for p in program.inputs)
            raise DataError(_wrong("input", "one-array-many-ports", f"the ports are {names}"))
        inputs = {program.inputs[0].name: inputs}
    unknown = sorted(set(inputs) ^ {p.name for p in program.inputs})
    if unknown:
        raise DataError(_wrong("input", "ports", f"missing or unknown: {', '.join(unknown)}"))
    ready = {p.name: _encode(program, p, np.asarray(inputs[p.name])) for p in program.inputs}
    leading = {a.shape[:2] for a in ready.values()}
    if len(leading) > 1:
        raise DataError(_wrong("input", "steps", f"ports differ in (T, B): {sorted(leading)}"))
    return ready


def batched(x: Array, shape: tuple[int, ...]) -> Array:
    """`(T, B, *shape)`; one sample `(T, *shape)` becomes a batch of one."""
    return x[:, None] if x.shape[1:] == shape else x


def encode(port: Port, values: Array) -> Array:
    """clip(round(x * scale)) to the port's integers, int64 (round half to even)."""
    low, high = port.limits
    return np.clip(np.rint(np.asarray(values) * port.scale), low, high).astype(np.int64)


def _encode(program: Program, port: Port, x: Array) -> Array:
    where = f"input {port.name}"
    if x.dtype.kind not in "biuf":
        raise DataError(_wrong(where, "dtype", f"{x.dtype} is not a number"))
    x = batched(x, port.shape)
    if x.ndim < 2 or x.shape[2:] != port.shape or 0 in x.shape[:2]:
        shape = ", ".join(str(n) for n in port.shape)
        detail = f"shape {x.shape}, expected (T, B, {shape}) or (T, {shape})"
        raise DataError(_wrong(where, "shape", detail))
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise DataError(_wrong(where, "finite", "holds NaN or infinite values"))
    if program.arithmetic == "real":
        return x.astype(np.float64)
    if x.dtype.kind == "f" and port.num_message_bits > 0:
        return encode(port, x)
    low, high = port.limits
    if x.min() < low or x.max() > high or (x.dtype.kind == "f" and (x != np.rint(x)).any()):
        detail = f"values {x.min():g}..{x.max():g}, the port takes integers {low}..{high}"
        hint = "calibrate with this input, or give the port more message bits"
        raise DataError(Diagnostic(where, "range", detail, hint))
    return x.astype(np.int64)


def initial_state(program: Program, name: str, batch: int) -> dict[str, Array]:
    """Zero state of a population, a `v` from `v_init`; arrays `(batch, *shape)`."""
    neuron = program.neuron(name)
    dtype = np.float64 if program.arithmetic == "real" else np.int64
    keys = NEURON_MODELS[neuron.model].state
    state: dict[str, Array] = {k: np.zeros((batch, *neuron.shape), dtype=dtype) for k in keys}
    if "v_init" in neuron.params:
        state["v"] = state["v"] + np.asarray(neuron.params["v_init"], dtype=dtype)
    return state


def expand_probes(program: Program, probe: str | tuple[str, ...]) -> tuple[str, ...]:
    """`NODE`, `NODE/v`, `NODE/u`, `NODE/s` or `all` to a sorted tuple of `NODE/STATE` keys.

    Raises ConfigError for a population or state that is not there.
    """
    wanted = [probe] if isinstance(probe, str) else list(probe)
    keys: set[str] = set()
    for item in wanted:
        name, _, state = item.partition("/")
        names = [n.name for n in program.neurons] if name == "all" else [name]
        for each in names:
            if each not in program.shapes or each in {p.name for p in program.inputs}:
                known = ", ".join(n.name for n in program.neurons)
                raise ConfigError(_wrong(f"probe {item}", "population", f"known: {known}"))
            model = NEURON_MODELS[program.neuron(each).model]
            known_states = sorted({*model.state, "s"} if model.spiking else set(model.state))
            if state and state not in known_states:
                raise ConfigError(_wrong(f"probe {item}", "state", f"known: {known_states}"))
            keys.update(f"{each}/{s}" for s in ([state] if state else known_states))
    return tuple(sorted(keys))


def run_length(program: Program, prepared: Mapping[str, Array], steps: int | None) -> int:
    """Steps of a run: T + depth, or T of `steps` + depth where `steps` shortens or extends T."""
    given = next(iter(prepared.values())).shape[0]
    if steps is not None and steps < 1:
        raise ConfigError(_wrong("steps", "positive", f"{steps} is below 1"))
    return (given if steps is None else steps) + program.depth


def padded(values: Array, length: int) -> Array:
    """`values` cut or filled with zeros (no spikes) to `length` steps."""
    if len(values) >= length:
        return values[:length]
    fill = np.zeros((length - len(values), *values.shape[1:]), dtype=values.dtype)
    return np.concatenate([values, fill])


def _wrong(where: str, rule: str, detail: str) -> Diagnostic:
    return Diagnostic(where, rule, detail)
