"""Taking one step out of a sequence, and stacking steps into one."""

from __future__ import annotations

from dataclasses import replace

from neurodeploy.frontends.tracer.expressions import Zero
from neurodeploy.frontends.tracer.rearranging import rearrange
from neurodeploy.frontends.tracer.values import (
    Call,
    FirstAxisTakenError,
    Followed,
    Refused,
    Signals,
    Value,
    shape_of,
)


def take(signals: Signals, call: Call) -> Followed | Refused:
    """x[t] of `(T, B, ...)`, x[:, t] of `(B, T, ...)`; any other index moves values."""
    value, index = signals.lookup(call.args[0]), call.args[1]
    index = index if isinstance(index, tuple) else (index,)
    full = [i is Ellipsis or (isinstance(i, slice) and i == slice(None)) for i in index]
    axis = next((a for a, i in enumerate(index) if isinstance(i, int) and all(full[:a])), None)
    if value is not None and sum(type(i) is int for i in index) > value.lead:
        return Refused("takes one element out", "keep batch and time as axes of their own")
    if value is None or axis is None or isinstance(index[axis], bool):
        return rearrange(signals, call)
    if Ellipsis in index[:axis] or not all(full[axis + 1 :]):
        return rearrange(signals, call)
    return _one_step(signals, call, value, axis, index[axis])


def _one_step(signals: Signals, call: Call, value: Value, axis: int, at: int) -> Followed | Refused:
    if value.timed and axis == value.time_axis:
        return [(call.out, Value((value.steps[at],), timed=False))]
    if axis == 0 or (value.timed and axis == 1):
        raise FirstAxisTakenError
    return rearrange(signals, call)


def select(signals: Signals, call: Call) -> Followed | Refused:
    given = call.named("self dim index")
    value = signals.lookup(given["self"])
    if value is None or given["dim"] < 0 or not isinstance(given["index"], int):
        return rearrange(signals, call)
    return _one_step(signals, call, value, given["dim"], given["index"])


def unbind(signals: Signals, call: Call) -> Followed | Refused:
    given = {"dim": 0, **call.named("self dim")}
    value = signals.lookup(given["self"])
    if value is not None and value.timed and given["dim"] == value.time_axis:
        steps = (Value((step,), timed=False) for step in value.steps)
        return list(zip(call.out, steps, strict=True))
    if given["dim"] == 0:
        raise FirstAxisTakenError
    return rearrange(signals, call)


def stack(signals: Signals, call: Call) -> Followed | Refused:
    """The steps of one signal, or several sequences as channels of one."""
    given = {"dim": 0, **call.named("tensors dim")}
    values = [signals.lookup(t) or signals.constant(t) for t in given["tensors"]]
    dim = given["dim"]
    if any(v is None for v in values) or dim not in (0, 1):
        return rearrange(signals, call)
    if any(v is not None and v.timed for v in values):
        return rearrange(signals, call)
    steps = tuple(v.steps[0] for v in values if v is not None)
    return [(call.out, Value(steps, timed=True, time_axis=dim))]


def store(signals: Signals, call: Call) -> Followed | Refused:
    """record[t] = x into a tensor `(T, B, ...)`, or record[:, t] = x into `(B, T, ...)`."""
    record, index, item = call.args
    value, step = signals.lookup(record), signals.lookup(item)
    index = index if isinstance(index, tuple) else (index,)
    axis = len(index) - 1
    before_is_full = all(isinstance(i, slice) and i == slice(None) for i in index[:axis])
    if step is None or step.timed or type(index[axis]) is not int or axis > 1 or not before_is_full:
        return Refused("writes into a tensor with something else than one step", "append to a list")
    if signals.is_shared(record):
        return Refused("writes into a tensor that other tensors look into", "append to a list")
    if value is None:
        zeros = tuple(Zero(step.steps[0].shape) for _ in range(record.shape[axis]))
        value = Value(zeros, timed=True, time_axis=axis)
    rest = tuple(n for a, n in enumerate(record.shape) if a != axis)
    if not value.timed or value.time_axis != axis or rest != shape_of(item):
        return Refused("writes a step of another shape", "append to a list and stack it")
    if signals.lookup(record) is None and signals.constant(record) is None:
        # the step is written by now: what else the tensor holds has to be zeros
        written = record.detach().clone()
        written.select(axis, index[axis]).zero_()
        if signals.known(record) is None or written.count_nonzero():
            return Refused("writes into a tensor that is not zeros", "append to a list")
    steps = list(value.steps)
    steps[index[axis]] = step.steps[0]
    return [(record, replace(value, steps=tuple(steps)))]
