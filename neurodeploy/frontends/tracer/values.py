"""Tensors that the tracer follows: what they carry, and what a rule about a function may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from torch import Tensor, nn

from neurodeploy.frontends.tracer.expressions import Expr, Shape, Unknown
from neurodeploy.frontends.tracer.operations import Operation


@dataclass(frozen=True)
class Value:
    """One expression per step if `timed`, else one. `time_axis`: where a timed tensor has time."""

    steps: tuple[Expr, ...]
    timed: bool
    time_axis: int = 0

    @property
    def lead(self) -> int:
        """Leading axes that are not the layer's shape: batch and, if timed, time."""
        return 2 if self.timed else 1

    def map(self, function: Callable[[Expr], Expr]) -> Value:
        return replace(self, steps=tuple(function(e) for e in self.steps))


class FirstAxisTakenError(BaseException):
    """forward() takes what was given as the batch apart: the input has its axes in another order.

    No Exception, so that a forward() that catches those does not catch this.
    """


@dataclass(frozen=True)
class Refused:
    """Why a function can't be followed; `hint` says what to do instead."""

    detail: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Call:
    """A torch function that was called with a followed tensor among its arguments.

    For a module that is one: `stem` names its node and `where` says where it is.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: Any
    stem: str = ""
    where: str = ""

    def named(self, names: str) -> dict[str, Any]:
        """The arguments by name, for functions that have no signature."""
        return dict(zip(names.split(), self.args, strict=False)) | dict(self.kwargs)


class Signals(Protocol):
    """What is known of a tensor: the value that it carries, or that it is a constant.

    is_shared: whether another tensor that matters looks into the same memory.
    stem: what a node is named after that a tensor of the module is a weight of.
    layer: the value behind a stateless layer; its problems are reported, and stem names its node.
    operation: the key of an operation of ours that the call stands for.
    """

    def lookup(self, tensor: Any) -> Value | None: ...

    def follow(self, tensor: Tensor, value: Value) -> None: ...

    def known(self, tensor: Any) -> Tensor | None: ...

    def constant(self, tensor: Any) -> Value | None: ...

    def is_shared(self, tensor: Tensor) -> bool: ...

    def stem(self, tensor: Any, default: str) -> str: ...

    def layer(self, stem: str, module: nn.Module, value: Value, call: Call) -> Value: ...

    def operation(self, stem: str, module: Operation, call: Call) -> str: ...


Followed: TypeAlias = list[tuple[Tensor, Value]]
Rule: TypeAlias = Callable[[Signals, Call], Followed | Refused]


def shape_of(tensor: Any) -> Shape:
    return tuple(tensor.shape) if isinstance(tensor, Tensor) else ()


def unknown_like(tensor: Tensor, value: Value) -> Value:
    """A value that stands for the result of something refused, so that tracing can go on."""
    shape = tuple(tensor.shape[value.lead :])
    keeps_time = value.timed and tensor.shape[value.time_axis : value.time_axis + 1] == (
        len(value.steps),
    )
    if keeps_time:
        return value.map(lambda _: Unknown(shape))
    return Value((Unknown(tuple(tensor.shape[1:])),), timed=False)
