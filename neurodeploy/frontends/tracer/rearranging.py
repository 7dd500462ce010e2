"""Functions that move values, repeat them or put zeros beside them, found out by running them.

The function is called once more with numbers in place of the values: where the numbers turn up
is where the values went. Batch and time have to stay axes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from neurodeploy.frontends.tracer.arrays import to_float64
from neurodeploy.frontends.tracer.expressions import Apply, Expr, Shape, Unknown, Zero, add
from neurodeploy.frontends.tracer.operations import Shift, Wiring
from neurodeploy.frontends.tracer.values import (
    Call,
    FirstAxisTakenError,
    Followed,
    Refused,
    Signals,
    Value,
    shape_of,
)

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class _Part:
    """A followed tensor, or a constant (value None), whose elements are numbered from `first`."""

    tensor: Tensor
    value: Value | None
    first: int


@dataclass(frozen=True)
class _Layout:
    """Which step each position along `axis` of the result shows; None if it is one step."""

    steps: tuple[int, ...]
    axis: int | None

    @property
    def lead(self) -> tuple[int, ...]:
        return (0,) if self.axis is None else (0, 1)


def rearrange(signals: Signals, call: Call) -> Followed | Refused:
    """The values of all tensors that the call returns."""
    data = call.args[0] if call.args else next(iter(call.kwargs.values()))
    several = isinstance(data, list | tuple)
    tensors = list(data) if several else [data]
    parts = _numbered(signals, tensors)
    if isinstance(parts, Refused):
        return parts
    others = tree_leaves((call.args[1:], dict(call.kwargs) if call.args else {}))
    if any(signals.lookup(t) for t in others):
        return Refused("takes places from a signal", "use constant places")
    moved = _repeated(call, [_numbers(part) for part in parts], several)
    results = []
    for tensor, where in zip(tree_leaves(call.out), tree_leaves(moved), strict=True):
        value = _value(signals, call, parts, np.rint(where.numpy()).astype(np.int64))
        if isinstance(value, Refused):
            return value
        results.append((tensor, value))
    return results


def _repeated(call: Call, numbers: list[Tensor], several: bool) -> Any:
    """What the call returns for numbers in place of its tensors."""
    given: Any = numbers if several else numbers[0]
    if call.args:
        return call.function(given, *call.args[1:], **call.kwargs)
    name = next(iter(call.kwargs))
    return call.function(**{**call.kwargs, name: given})


def _numbered(signals: Signals, tensors: list[Any]) -> list[_Part] | Refused:
    parts: list[_Part] = []
    first = 1
    for tensor in tensors:
        value = signals.lookup(tensor)
        if value is None and signals.known(tensor) is None:
            return Refused("takes a tensor whose way from the input is not seen")
        parts.append(_Part(tensor, value, first))
        first += tensor.numel()
    layouts = {(p.value.timed, p.value.time_axis) for p in parts if p.value}
    if len(layouts) != 1:
        return Refused("joins steps and sequences", "join tensors of the same axes")
    return parts


def _numbers(part: _Part) -> Tensor:
    count = part.tensor.numel()
    numbers = torch.arange(part.first, part.first + count, dtype=torch.float64)
    return numbers.reshape(part.tensor.shape)


def _value(signals: Signals, call: Call, parts: list[_Part], where: Array) -> Value | Refused:
    """where: for each element of the result the number that it holds; 0 where it is zero."""
    model = next(p.value for p in parts if p.value)
    origins = [_origins(part, where) for part in parts]
    layout = _layout(model, [o for o, p in zip(origins, parts, strict=True) if p.value], where)
    if isinstance(layout, Refused):
        return layout
    step = where[(0,) * len(layout.lead)]
    wirings = []
    for part, (found, _, _, feature) in zip(parts, origins, strict=True):
        if part.value is not None:
            index = np.where(found, feature + 1, 0)
            if _differs(index, layout):
                return Refused("treats steps or batch elements differently", _KEEP)
            shape = tuple(part.tensor.shape[part.value.lead :])
            wirings.append((part.value, Wiring(index[(0,) * len(layout.lead)], shape)))
    constant = _constants(parts, origins, where)
    if _differs(constant, layout):
        return Refused("joins constants that differ between batch elements or steps")
    constant = constant[(0,) * len(layout.lead)]

    def at(t: int) -> Expr:
        terms = [_moved(signals, call, w, v.steps[t]) for v, w in wirings if w.index.any()]
        expr = _sum(terms, step.shape)
        if constant.any():
            expr = Apply((signals.operation("add", Shift(constant), call),), expr, step.shape)
        return expr

    steps = tuple(at(t) for t in layout.steps)
    return Value(steps, timed=layout.axis is not None, time_axis=layout.axis or 0)


_KEEP = "keep batch and time as axes of their own, batch or time first"


def _moved(signals: Signals, call: Call, wiring: Wiring, expr: Expr) -> Expr:
    shape = wiring.index.shape
    if isinstance(expr, Unknown):
        return Unknown(shape)
    same = shape == wiring.in_shape and np.array_equal(
        wiring.index.ravel(), 1 + np.arange(wiring.index.size)
    )
    return expr if same else Apply((signals.operation(call.name, wiring, call),), expr, shape)


def _sum(terms: list[Expr], shape: Shape) -> Expr:
    total: Expr = Zero(shape)
    for term in terms:
        total = term if isinstance(total, Zero) else add(total, term)
    return total


def _origins(part: _Part, where: Array) -> tuple[Array, Array, Array, Array]:
    """Of each element: whether it is from this part, and its step, batch element and feature."""
    count = part.tensor.numel()
    found = (where >= part.first) & (where < part.first + count)
    shape = tuple(part.tensor.shape)
    places = np.unravel_index(np.where(found, where - part.first, 0).ravel(), shape or (1,))
    axes = [p.reshape(where.shape) for p in places]
    nothing = np.zeros(where.shape, dtype=np.int64)
    if part.value is None:
        return found, nothing, nothing, nothing
    time = axes[part.value.time_axis] if part.value.timed else nothing
    batch = axes[1 - part.value.time_axis if part.value.timed else 0]
    feature = nothing
    for axis in range(part.value.lead, len(shape)):
        feature = feature * shape[axis] + axes[axis]
    return found, time, batch, feature


def _layout(
    model: Value, origins: list[tuple[Array, Array, Array, Array]], where: Array
) -> _Layout | Refused:
    """Where batch and time are in the result. FirstAxisTakenError if the batch is gone."""
    found = np.any([o[0] for o in origins], axis=0)
    if not found.any():
        return Refused("takes nothing of the signal")
    time = np.sum([np.where(o[0], o[1], 0) for o in origins], axis=0)
    batch = np.sum([np.where(o[0], o[2], 0) for o in origins], axis=0)
    if np.unique(batch[found]).size == 1:
        raise FirstAxisTakenError
    one_step = np.unique(time[found]).size == 1
    for axis in (None,) if one_step else (0, 1):
        if where.ndim < (1 if axis is None else 2):
            continue
        of_batch = _along(where.shape, 0 if axis is None else 1 - axis)
        steps = time[found][:1] if axis is None else _steps_along(time, found, axis)
        of_time = steps[0] if axis is None else steps[_along(where.shape, axis)]
        if np.all((batch == of_batch) | ~found) and np.all((time == of_time) | ~found):
            return _Layout(tuple(int(s) for s in steps), axis)
    return Refused("moves batch or time into other axes", _KEEP)


def _along(shape: Shape, axis: int) -> Array:
    """The position along an axis, for every element."""
    return np.broadcast_to(
        np.arange(shape[axis]).reshape(-1, *[1] * (len(shape) - axis - 1)), shape
    )


def _steps_along(time: Array, found: Array, axis: int) -> Array:
    others = tuple(a for a in range(time.ndim) if a != axis)
    return np.asarray(np.where(found, time, -1).max(axis=others))


def _differs(values: Array, layout: _Layout) -> bool:
    return bool(np.any(values != values[tuple(slice(1) for _ in layout.lead)]))


def _constants(
    parts: list[_Part], origins: list[tuple[Array, Array, Array, Array]], where: Array
) -> Array:
    """What the constant parts put into the result."""
    total = np.zeros(where.shape)
    for part, (found, *_) in zip(parts, origins, strict=True):
        if part.value is None:
            flat = to_float64(part.tensor).ravel()
            total[found] = flat[where[found] - part.first]
    return total


def expanded(signals: Signals, call: Call, tensor: Tensor, value: Value) -> Value | Refused:
    """The value of a tensor that broadcasting brings to the shape of the call's result."""
    if shape_of(tensor) == shape_of(call.out):
        return value
    shape = call.out.shape
    spread = Call(call.name, lambda t: t.broadcast_to(shape), (tensor,), {}, call.out)
    found = rearrange(signals, spread)
    return found if isinstance(found, Refused) else found[0][1]
