"""Tensors that the tracer follows, and the torch functions between layers that it understands.

A function is understood if it means the same in a graph: taking one step out of a sequence,
stacking steps into one, adding, flattening, and copies that change nothing. A rule returns the
tensors that it follows on, or why it can't.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeAlias

from torch import Tensor

from neurodeploy.frontends.tracer.expressions import Apply, Expr, Shape, Unknown, Zero, add
from neurodeploy.frontends.tracer.layers import merges_axes

FLATTEN: Final = "flatten"


@dataclass(frozen=True)
class Value:
    """One expression per step if `timed`, else one. `time_axis`: where a timed tensor has time."""

    steps: tuple[Expr, ...]
    timed: bool
    time_axis: int = 0

    @property
    def lead(self) -> int:
        """Leading axes that are not the layer's shape: batch, and time before it."""
        return 2 if self.timed else 1

    def map(self, function: Callable[[Expr], Expr]) -> Value:
        return replace(self, steps=tuple(function(e) for e in self.steps))


class FirstAxisTakenError(Exception):
    """forward() takes steps out of what was given as one step: its input has a time axis."""


@dataclass(frozen=True)
class Refused:
    """Why a function can't be followed; `hint` says what to do instead."""

    detail: str
    hint: str = ""


class Signals(Protocol):
    """What is known of a tensor: the value that it carries, or that it is a constant of zeros."""

    def lookup(self, tensor: Any) -> Value | None: ...

    def constant(self, tensor: Any) -> Value | None: ...


Followed: TypeAlias = list[tuple[Tensor, Value]]
Rule: TypeAlias = Callable[[Signals, tuple[Any, ...], dict[str, Any], Any], Followed | Refused]


def unknown_like(tensor: Tensor, value: Value) -> Value:
    """A value that stands for the result of something refused, so that tracing can go on."""
    shape = tuple(tensor.shape[value.lead :])
    keeps_time = value.timed and tensor.shape[:1] == (len(value.steps),)
    if keeps_time:
        return value.map(lambda _: Unknown(shape))
    return Value((Unknown(tuple(tensor.shape[1:])),), timed=False)


def reshaped(value: Value, before: Shape, after: Shape, layer: str) -> Value | Refused:
    """The value after a reshape from `before` to `after` (with batch and time); by name `layer`."""
    if after == before:
        return value
    lead = value.lead
    if value.time_axis == 0 and after[:lead] == before[:lead]:
        inner, outer = before[lead:], after[lead:]
        if merges_axes(inner, outer):
            return value.map(lambda e: Apply((layer,), e, outer))
    return Refused(f"reshapes {before} to {after}", "NIR can only flatten; keep the batch axis")


def _copy(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    value = signals.lookup(args[0])
    if value is None:
        return Refused("takes the signal in another place than the first")
    if not isinstance(out, Tensor):
        return []  # x.type() asks for a name
    if not out.is_floating_point() or out.element_size() < args[0].element_size():
        return Refused(f"rounds values to {out.dtype}", "keep the tensor's precision")
    return [(out, value)]


def _dropout(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    if kwargs.get("training", args[2] if len(args) > 2 else True):
        return Refused("drops values at random", "use nn.Dropout, or training=self.training")
    return _copy(signals, args, kwargs, out)


def _add(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    first, second = args[0], args[1] if len(args) > 1 else kwargs.get("other")
    if kwargs.get("alpha", 1) != 1:
        return Refused("adds with a factor alpha", "put the factor into the weights")
    a, b = signals.lookup(first), signals.lookup(second)
    if a is None or b is None:
        tracked, other = (b, first) if a is None else (a, second)
        is_zero = (
            other == 0 if isinstance(other, int | float) else signals.constant(other) is not None
        )
        same = tracked is not None and tuple(out.shape) == _shape_of(first if a else second)
        if tracked is not None and is_zero and same:
            return [(out, tracked)]
        return Refused("adds a constant or an unseen result", "put constants into a layer's bias")
    if _shape_of(first) != _shape_of(second) or a.lead != b.lead or a.time_axis != b.time_axis:
        detail = f"adds tensors of shapes {_shape_of(first)} and {_shape_of(second)}"
        return Refused(detail, "add tensors of the same shape")
    steps = tuple(add(x, y) for x, y in zip(a.steps, b.steps, strict=True))
    return [(out, replace(a, steps=steps))]


def _shape_of(tensor: Any) -> Shape:
    return tuple(tensor.shape) if isinstance(tensor, Tensor) else ()


def _reshape(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    value = signals.lookup(args[0])
    if value is None:
        return Refused("takes its shape from the network's signals")
    result = reshaped(value, _shape_of(args[0]), _shape_of(out), FLATTEN)
    return result if isinstance(result, Refused) else [(out, result)]


def _take(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    tensor, index = args[0], args[1]
    value = signals.lookup(tensor)
    index = index if isinstance(index, tuple) else (index,)
    rest_is_full = all(i is Ellipsis or i == slice(None) for i in index[1:])
    if value is None or type(index[0]) is not int or not rest_is_full:
        detail = f"indexes a tensor of shape {_shape_of(tensor)} with something else than one step"
        return Refused(detail, "take steps with x[t] from a tensor of shape (T, B, ...)")
    if not value.timed:
        raise FirstAxisTakenError
    if value.time_axis != 0:
        return Refused("takes a batch element out of a sequence", "stack steps with dim=0")
    return [(out, Value((value.steps[index[0]],), timed=False))]


def _select(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    given = dict(zip(("self", "dim", "index"), args, strict=False)) | kwargs
    if given["dim"] != 0:
        return Refused(f"selects along axis {given['dim']}", "give the input as (T, B, ...)")
    return _take(signals, (args[0], given["index"]), {}, out)


def _unbind(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    value = signals.lookup(args[0])
    dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if value is None or dim != 0:
        return Refused(f"takes axis {dim} apart", "give the input as (T, B, ...)")
    if not value.timed:
        raise FirstAxisTakenError
    pairs = zip(out, value.steps, strict=True)
    return [(tensor, Value((step,), timed=False)) for tensor, step in pairs]


def _stack(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    values = [signals.lookup(t) or signals.constant(t) for t in args[0]]
    if dim not in (0, 1) or any(v is None or v.timed for v in values):
        return Refused(f"stacks along axis {dim}", "stack the steps of one signal with dim=0")
    steps = tuple(v.steps[0] for v in values if v is not None)
    return [(out, Value(steps, timed=True, time_axis=dim))]


def _store(signals: Signals, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    """record[t] = x into a tensor of shape (T, B, ...)."""
    record, index, item = args
    value, step = signals.lookup(record), signals.lookup(item)
    if step is None or step.timed or type(index) is not int:
        return Refused("writes into a tensor with something else than one step", "append to a list")
    if value is None:
        zeros = tuple(Zero(step.steps[0].shape) for _ in range(len(record)))
        value = Value(zeros, timed=True)
    if not value.timed or _shape_of(record)[1:] != _shape_of(item):
        return Refused("writes a step of another shape", "append to a list and stack it")
    steps = list(value.steps)
    steps[index] = step.steps[0]
    return [(record, replace(value, steps=tuple(steps)))]


_COPIES = "detach clone contiguous alias cpu to type type_as float double requires_grad_ data"
_RESHAPES = "flatten view reshape view_as reshape_as squeeze unsqueeze ravel"

RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(_COPIES.split(), _copy),
    **dict.fromkeys(_RESHAPES.split(), _reshape),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "alpha_dropout"), _dropout),
    **dict.fromkeys(("add", "__add__", "__radd__"), _add),
    "__getitem__": _take,
    "select": _select,
    "unbind": _unbind,
    "stack": _stack,
    "__setitem__": _store,
}

# what the code asks a tensor about itself: no signal flows
_ABOUT = (
    "shape size dim ndim ndimension numel nelement __len__ stride layout is_contiguous "
    "dtype is_floating_point is_complex element_size device is_cuda get_device is_sparse "
    "is_quantized requires_grad is_leaf grad_fn names is_tensor __hash__ __repr__ "
    "zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty"
)
QUESTIONS: Final = frozenset(_ABOUT.split())

FUNCTION_HINTS: Final[Mapping[str, str]] = {
    "relu": "use a spiking neuron between layers",
    "linear": "use nn.Linear as a layer of the module",
    "conv1d": "use nn.Conv1d as a layer of the module",
    "conv2d": "use nn.Conv2d as a layer of the module",
    "avg_pool2d": "use nn.AvgPool2d as a layer of the module",
    "max_pool2d": "use nn.AvgPool2d, or a strided Conv",
    "batch_norm": "use nn.BatchNorm as a layer of the module",
    "sum": "return the stacked steps and sum outside the module",
    "mean": "return the stacked steps and average outside the module",
    "softmax": "leave it out: apply it to the result outside the module",
    "log_softmax": "leave it out: apply it to the result outside the module",
    "mul": "put the factor into a layer's weights",
    "div": "put the factor into a layer's weights",
    "sub": "put the sign into a layer's weights and add",
    "neg": "put the sign into a layer's weights",
    "matmul": "use nn.Linear as a layer of the module",
    "add_": "write a = a + b, which makes a new tensor",
    "cat": "use one Linear per part and add them, which is the same",
    "bernoulli": "encode spikes outside the module",
    "permute": "give the input as (T, B, ...)",
    "transpose": "give the input as (T, B, ...)",
}
