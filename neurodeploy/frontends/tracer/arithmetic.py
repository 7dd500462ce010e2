"""Sums of signals, and signals with constants: a factor is a Scale, a constant summand a bias."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.frontends.tracer.arrays import to_array
from neurodeploy.frontends.tracer.expressions import Apply, Expr, Unknown, add
from neurodeploy.frontends.tracer.linear_layers import as_parameter
from neurodeploy.frontends.tracer.operations import Operation, Scaling, Shift
from neurodeploy.frontends.tracer.rearranging import expanded
from neurodeploy.frontends.tracer.values import Call, Followed, Refused, Signals, Value

Array = np.ndarray[Any, np.dtype[Any]]


def plus(signals: Signals, call: Call) -> Followed | Refused:
    """a + alpha b"""
    given = call.named("input other")
    return _sum(signals, call, [(given["input"], 1), (given["other"], given.get("alpha", 1))])


def minus(signals: Signals, call: Call) -> Followed | Refused:
    """a - alpha b"""
    given = call.named("input other")
    return _sum(signals, call, [(given["input"], 1), (given["other"], -given.get("alpha", 1))])


def reverse_minus(signals: Signals, call: Call) -> Followed | Refused:
    """alpha: b - alpha a"""
    given = call.named("input other")
    return _sum(signals, call, [(given["input"], -given.get("alpha", 1)), (given["other"], 1)])


def negative(signals: Signals, call: Call) -> Followed | Refused:
    return _sum(signals, call, [(call.args[0], -1)])


def times(signals: Signals, call: Call) -> Followed | Refused:
    given = call.named("input other")
    a, b = given["input"], given["other"]
    if signals.lookup(a) is not None and signals.lookup(b) is not None:
        hint = "NIR has no product of two signals: add them, or inhibit strongly"
        return Refused("multiplies two signals", hint)
    signal, factor = (a, b) if signals.lookup(a) is not None else (b, a)
    return _scaled(signals, call, signal, factor, invert=False)


def divided(signals: Signals, call: Call) -> Followed | Refused:
    given = call.named("input other")
    if given.get("rounding_mode") is not None:
        return Refused("rounds the result", "leave rounding_mode out")
    if signals.lookup(given["other"]) is not None:
        return Refused("divides by a signal", "NIR divides by constants only")
    return _scaled(signals, call, given["input"], given["other"], invert=True)


def matmul(signals: Signals, call: Call) -> Followed | Refused:
    """x @ W is a Linear of the transposed W."""
    given = call.named("input other")
    value, weight = signals.lookup(given["input"]), signals.known(given["other"])
    if value is None or weight is None or weight.dim() != 2:
        return Refused("is no signal times a constant matrix", "write x @ W with a parameter W")
    module = nn.Linear(weight.shape[0], weight.shape[1], bias=False, device="meta")
    module.weight = as_parameter(weight.t().contiguous())
    stem = signals.stem(given["other"], call.name)
    return [(call.out, signals.layer(stem, module, value, call))]


def addmm(signals: Signals, call: Call) -> Followed | Refused:
    """bias + x @ W"""
    given = call.named("input mat1 mat2")
    value, weight = signals.lookup(given["mat1"]), signals.known(given["mat2"])
    bias = signals.known(given["input"])
    plain = given.get("beta", 1) == 1 == given.get("alpha", 1)
    if value is None or weight is None or bias is None or bias.dim() != 1 or not plain:
        return Refused("is no signal times a constant matrix", "use nn.Linear")
    module = nn.Linear(weight.shape[0], weight.shape[1], bias=False, device="meta")
    module.weight, module.bias = as_parameter(weight.t().contiguous()), as_parameter(bias)
    stem = signals.stem(given["mat2"], call.name)
    return [(call.out, signals.layer(stem, module, value, call))]


def _sum(signals: Signals, call: Call, terms: list[tuple[Any, Any]]) -> Followed | Refused:
    """The sum of signals and constants, each times a number."""
    total: Value | None = None
    shift: Array = np.zeros(())
    for operand, factor in terms:
        value = signals.lookup(operand)
        if value is None:
            constant = _constant(signals, operand, call.out)
            if constant is None:
                return Refused("takes a tensor whose way from the input is not seen", _CONSTANTS)
            shift = shift + factor * constant
            continue
        term = _times(signals, call, operand, value, factor)
        if isinstance(term, Refused):
            return term
        if total is not None and (total.timed, total.time_axis) != (term.timed, term.time_axis):
            return Refused("adds a step and a sequence", "add tensors of the same axes")
        total = term if total is None else _added(total, term)
    assert total is not None
    if shift.any():
        inner = _per_feature(shift, total, call)
        if inner is None:
            return Refused("adds a constant that differs between steps or batch elements")
        total = _apply(signals, call, "add", Shift, total, inner)
    return [(call.out, total)]


def _times(
    signals: Signals, call: Call, operand: Tensor, value: Value, factor: float
) -> Value | Refused:
    """A number times a signal, in the shape of the result."""
    spread = expanded(signals, call, operand, value)
    if isinstance(spread, Refused):
        return spread
    factors = np.full(tuple(call.out.shape[spread.lead :]), float(factor))
    return _apply(signals, call, "scale", Scaling, spread, factors)


_CONSTANTS = "make constants parameters or buffers of the module"


def _added(a: Value, b: Value) -> Value:
    return replace(a, steps=tuple(add(x, y) for x, y in zip(a.steps, b.steps, strict=True)))


def _scaled(
    signals: Signals, call: Call, signal: Any, factor: Any, invert: bool
) -> Followed | Refused:
    value = signals.lookup(signal)
    constant = _constant(signals, factor, call.out)
    if value is None or constant is None:
        return Refused("takes a tensor whose way from the input is not seen", _CONSTANTS)
    spread = expanded(signals, call, signal, value)
    if isinstance(spread, Refused):
        return spread
    inner = _per_feature(1.0 / constant if invert else constant, spread, call)
    if inner is None:
        return Refused("takes a factor that differs between steps or batch elements")
    if not np.isfinite(inner).all():
        return Refused("divides by zero")
    return [(call.out, _apply(signals, call, "scale", Scaling, spread, inner))]


def _constant(signals: Signals, operand: Any, out: Tensor) -> Array | None:
    """A number or constant tensor, broadcast to the shape of the result."""
    if isinstance(operand, bool | int | float):
        return np.full(tuple(out.shape), float(operand))
    tensor = signals.known(operand)
    if tensor is None or tensor.dtype == torch.bool or tensor.is_complex():
        return None
    return np.broadcast_to(to_array(tensor), tuple(out.shape))


def _per_feature(constant: Array, value: Value, call: Call) -> Array | None:
    """The constant without batch and time; None if it differs along those."""
    constant = np.broadcast_to(constant, tuple(call.out.shape))
    first = constant[(slice(1),) * value.lead]
    if np.any(constant != first):
        return None
    return np.array(constant[(0,) * value.lead])


def _apply(
    signals: Signals,
    call: Call,
    stem: str,
    kind: type[Scaling] | type[Shift],
    value: Value,
    values: Array,
) -> Value:
    neutral = 1.0 if kind is Scaling else 0.0
    if np.all(values == neutral):
        return value
    operation: Operation = kind(values)
    key = signals.operation(stem, operation, call)

    def applied(expr: Expr) -> Expr:
        return expr if isinstance(expr, Unknown) else Apply((key,), expr, values.shape)

    return value.map(applied)
