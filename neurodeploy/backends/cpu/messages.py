"""From arrays to messages: what the ports bring, listed step by step and sample by sample."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.backends.cpu.compilation import Kernel, compiled_helper
from neurodeploy.backends.cpu.deliver import clear
from neurodeploy.backends.cpu.listing import EIGHT, collect, mark, padded
from neurodeploy.backends.cpu.plan import Plan
from neurodeploy.backends.cpu.tables import Given
from neurodeploy.ir.inputs import Inputs, batched, prepare_inputs
from neurodeploy.ir.nir_data import is_nir_data, to_inputs
from neurodeploy.ir.program import Port, Program

Array = np.ndarray[Any, np.dtype[Any]]
# dtypes that are listed as they come, each with machine code of its own; others become int64
LISTED = frozenset(map(np.dtype, ("uint8", "int64", "float32", "float64")))


def list_messages(
    x: Array,
    order: Array,
    low: int,
    high: int,
    ends: Array,
    indices: Array,
    values: Array,
    flags: Array,
) -> bool:
    """Lists the non-zero elements of x `(rows, N)`; False if one is no integer in low..high.

    order: for each place in memory which neuron lies there, empty if all lie in their order;
    ends: after each row how many there are, of which ends[0] came before. values is empty if all
    messages are 1. Writes eight elements more of `indices`, too, and flags `padded(N)`.
    """
    count = ends[0]
    for row in range(len(x)):
        given = x[row]
        if not are_integers(given, low, high):
            return False
        listed = indices[count:]
        if len(order):
            for k in range(len(order)):
                flags[k] = given[order[k]] != 0
            clear(flags[len(order) :])
        else:
            mark(given, flags)
        found = collect(flags, listed)
        if len(values):
            for e in range(found):
                k = listed[e]
                values[count + e] = given[order[k] if len(order) else k]
        count += found
        ends[row + 1] = count
    return True


def are_integers(values: Array, low: int, high: int) -> bool:
    """Whether all values are integers in low..high."""
    broken = False
    smallest = largest = values[0]
    for k in range(len(values)):
        value = values[k]
        broken |= np.int64(value) != value
        smallest = value if value < smallest else smallest
        largest = value if value > largest else largest
    return not broken and smallest >= low and largest <= high


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
        self._orders = {p.name: _order(plan.orders[p.name]) for p in plan.program.inputs}
        self._kernels: dict[tuple[str, np.dtype[Any], np.dtype[Any]], Kernel] = {}
        self._graded = any(p.num_message_bits for p in plan.program.inputs)
        self._room = functools.lru_cache(maxsize=1)(self._new_room)

    def __call__(self, arrays: Mapping[str, Array], word: np.dtype[Any]) -> Given:
        """Messages of `(T, B, *shape)` arrays, until the next call. Raises DataError for values
        that do not fit."""
        ports = self._program.inputs
        steps, batch = arrays[ports[0].name].shape[:2]
        rows = steps * batch
        ends, indices, values, flags = self._room(rows, word)
        for number, port in enumerate(ports):
            part = ends[number * rows : (number + 1) * rows + 1]
            x = self._listed(port, arrays).reshape(rows, port.size)
            how = (self._orders[port.name], *port.limits)
            kernel = self._kernels.get((port.name, x.dtype, word)) or self._kernel(port, x, word)
            if not kernel(x, *how, part, indices, values, flags[number]):
                prepare_inputs(self._program, arrays)
                raise AssertionError(f"{port.name} has values that are not listed")
        return Given(ends[1:], indices, values)

    def _kernel(self, port: Port, x: Array, word: np.dtype[Any]) -> Kernel:
        """`list_messages` for these types."""
        made = self._kernels[port.name, x.dtype, word] = Kernel(compiled_helper(list_messages))
        return made

    def _new_room(self, rows: int, word: np.dtype[Any]) -> tuple[Array, Array, Array, list[Array]]:
        """Ends, indices, values and flags for so many rows of every port."""
        ports = self._program.inputs
        room = rows * sum(p.size for p in ports)
        return (
            np.zeros(1 + rows * len(ports), dtype=np.int64),
            np.empty(room + EIGHT, dtype=np.int32),
            np.empty(room if self._graded else 0, dtype=word),
            [np.empty(padded(p.size), dtype=np.uint8) for p in ports],
        )

    def _listed(self, port: Port, arrays: Mapping[str, Array]) -> Array:
        x = arrays[port.name]
        if port.num_message_bits > 0 and x.dtype.kind == "f":
            x = prepare_inputs(self._program, arrays)[port.name]
        if x.dtype == np.bool_:
            x = x.view(np.uint8)
        if x.dtype not in LISTED:
            x = x.astype(np.float32 if x.dtype.kind == "f" and x.dtype.itemsize < 4 else np.int64)
        return np.ascontiguousarray(x)


def _order(order: Array) -> Array:
    """As `list_messages` takes it."""
    return order.astype(np.int32) if (np.diff(order) < 0).any() else np.zeros(0, dtype=np.int32)
