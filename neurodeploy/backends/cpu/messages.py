"""From arrays to messages: what the ports bring, listed step by step and sample by sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.backends.cpu.compilation import compiled_helper
from neurodeploy.backends.cpu.plan import Plan
from neurodeploy.backends.cpu.tables import Given
from neurodeploy.ir.inputs import Inputs, batched, prepare_inputs
from neurodeploy.ir.nir_data import is_nir_data, to_inputs
from neurodeploy.ir.program import Port, Program

Array = np.ndarray[Any, np.dtype[Any]]
# dtypes that are listed as they come, each with machine code of its own; others become int64
LISTED = frozenset(map(np.dtype, ("uint8", "int64", "float32", "float64")))


def list_messages(
    x: Array, places: Array, low: int, high: int, ends: Array, indices: Array, values: Array
) -> bool:
    """Lists the non-zero elements of x `(rows, N)`; False if one is no integer in low..high.

    places: where in memory each neuron lies; ends: after each row how many there are, of which
    ends[0] came before. values is empty if all messages are 1.
    """
    count = ends[0]
    for row in range(len(x)):
        for k in range(len(places)):
            value = x[row, k]
            if value != 0:
                whole = np.int64(value)
                if whole != value or whole < low or whole > high:
                    return False
                indices[count] = places[k]
                if len(values):
                    values[count] = whole
                count += 1
        ends[row + 1] = count
    return True


def as_arrays(program: Program, inputs: Inputs) -> dict[str, Array]:
    """One `(T, B, *shape)` array per port, values as they come.

    Raises DataError for ports, shapes and dtypes that do not fit.
    """
    ports = program.inputs
    if is_nir_data(inputs):
        inputs = to_inputs(program, inputs)
    given = inputs if isinstance(inputs, Mapping) else {ports[0].name: inputs}
    if set(given) != {p.name for p in ports} or (given is not inputs and len(ports) > 1):
        prepare_inputs(program, inputs)  # says what is wrong
    arrays = {p.name: batched(np.asanyarray(given[p.name]), p.shape) for p in ports}
    leading = {x.shape[:2] for x in arrays.values()}
    for port in ports:
        x = arrays[port.name]
        if x.dtype.kind not in "biuf" or x.shape[2:] != port.shape or x.size == 0:
            prepare_inputs(program, inputs)
    if len(leading) > 1:
        prepare_inputs(program, inputs)
    return arrays


class Lister:
    """Turns arrays of a Program's ports into `Given`."""

    def __init__(self, plan: Plan) -> None:
        self._program = plan.program
        self._places = {p.name: _places(plan.orders[p.name]) for p in plan.program.inputs}
        self._list = compiled_helper(list_messages)
        self._graded = any(p.num_message_bits for p in plan.program.inputs)

    def __call__(self, arrays: Mapping[str, Array], word: np.dtype[Any]) -> Given:
        """Messages of `(T, B, *shape)` arrays. Raises DataError for values that do not fit."""
        ports = self._program.inputs
        steps, batch = arrays[ports[0].name].shape[:2]
        rows = steps * batch
        room = rows * sum(p.size for p in ports)
        indices = np.empty(room, dtype=np.int32)
        values = np.empty(room if self._graded else 0, dtype=word)
        ends = np.zeros(1 + rows * len(ports), dtype=np.int64)
        for number, port in enumerate(ports):
            part = ends[number * rows : (number + 1) * rows + 1]
            x = self._listed(port, arrays).reshape(rows, port.size)
            if not self._list(x, self._places[port.name], *port.limits, part, indices, values):
                prepare_inputs(self._program, arrays)
                raise AssertionError(f"{port.name} has values that are not listed")
        return Given(ends[1:], indices, values)

    def _listed(self, port: Port, arrays: Mapping[str, Array]) -> Array:
        x = arrays[port.name]
        if port.num_message_bits > 0 and x.dtype.kind == "f":
            x = prepare_inputs(self._program, arrays)[port.name]
        if x.dtype == np.bool_:
            x = x.view(np.uint8)
        if x.dtype not in LISTED:
            x = x.astype(np.float32 if x.dtype.kind == "f" and x.dtype.itemsize < 4 else np.int64)
        return np.ascontiguousarray(x)


def _places(order: Array) -> Array:
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places
