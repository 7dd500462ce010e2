"""What a module's forward() takes, and the tensors in what it returns."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor, nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.frontends.tracer.expressions import Shape

Shapes: TypeAlias = Sequence[int] | Sequence[Sequence[int]] | Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class InputPort:
    """A signal that forward() takes: its Input node, one step's shape, and its argument.

    `argument` is empty where the signal is given by position.
    """

    node: str
    shape: Shape
    argument: str = ""


def input_ports(module: nn.Module, shapes: Shapes) -> tuple[InputPort, ...]:
    """One port per shape. Raises ConfigError for wrong shapes or arguments that are not there.

    A single shape is that of forward()'s first argument and gives the node "input". Several give a
    node per argument: a sequence those of the first arguments, a mapping those that it names.
    """
    if isinstance(shapes, Mapping):
        _check_names(module, list(shapes))
        return tuple(InputPort(_node(n), _shape(s, n), n) for n, s in shapes.items())
    if not isinstance(shapes, Sequence):
        raise ConfigError(_wrong_shape(shapes, "input_shape"))
    if not any(isinstance(s, Sequence) for s in shapes):
        return (InputPort("input", _shape(shapes, "input_shape")),)
    names = _positional(module, len(shapes))
    each = zip(names, shapes, strict=True)
    return tuple(InputPort(_node(name), _shape(shape, name)) for name, shape in each)


def _shape(shape: Any, where: str) -> Shape:
    sizes = tuple(shape) if isinstance(shape, Sequence) else ()
    if not sizes or not all(isinstance(n, int | np.integer) and n > 0 for n in sizes):
        raise ConfigError(_wrong_shape(shape, where))
    return tuple(int(n) for n in sizes)


def _wrong_shape(shape: object, where: str) -> Diagnostic:
    detail = f"{shape!r} is not a tuple of positive sizes"
    return Diagnostic(where, "sizes", detail, "give one step, without batch")


def _node(argument: str) -> str:
    return "output_" if argument == "output" else argument


def _parameters(module: nn.Module) -> list[inspect.Parameter]:
    return list(inspect.signature(module.forward).parameters.values())


def _positional(module: nn.Module, count: int) -> list[str]:
    """The names of forward()'s first arguments."""
    names: list[str] = []
    for parameter in _parameters(module):
        if parameter.kind == parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}_{i}" for i in range(count - len(names))]
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    if len(names) < count:
        detail = f"{count} shapes, but forward() takes {', '.join(names) or 'no arguments'}"
        raise ConfigError(Diagnostic("input_shape", "arguments", detail))
    return names[:count]


def _check_names(module: nn.Module, names: list[str]) -> None:
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = [p.name for p in _parameters(module) if p.kind in by_name]
    anything = any(p.kind == p.VAR_KEYWORD for p in _parameters(module))
    missing = [str(n) for n in names if n not in known and not anything]
    if missing or not names:
        detail = f"forward() has no argument {', '.join(missing) or 'in an empty mapping'}"
        hint = f"it takes {', '.join(known)}"
        raise ConfigError(Diagnostic("input_shape", "arguments", detail, hint))


def state_arguments(
    network: nn.Module, ports: Collection[InputPort], optional: bool = False
) -> tuple[str, ...]:
    """Arguments of forward() besides its inputs that have no default: states kept by the caller.

    With `optional` also those whose default is None.
    """
    by_position = sum(not p.argument for p in ports)
    given = {p.argument for p in ports}
    parameters = [p for p in _parameters(network)[by_position:] if p.name not in given]
    named = (p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    wanted = (p for p in named if p.default is p.empty or (optional and p.default is None))
    return tuple(p.name for p in wanted)


def carried_states(out: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The last things that forward() returned, which are the next step's arguments `names`."""
    if not names or not isinstance(out, tuple | list) or len(out) <= len(names):
        return {}
    return dict(zip(names, out[-len(names) :], strict=True))


def returned_tensors(out: Any, steps: int | None = None) -> list[Any]:
    """The tensors in what forward() returned, in order; a list of `steps` tensors stays a list."""
    return [tensor for _, tensor in _walk(out, steps, "")]


def returned_names(out: Any, steps: int | None = None) -> list[str]:
    """For each of `returned_tensors` its key in a dict or field of a namedtuple, else ""."""
    return [name for name, _ in _walk(out, steps, "")]


def _walk(out: Any, steps: int | None, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(out, Tensor) or (isinstance(out, list) and _is_record(out, steps)):
        yield name, out
    elif isinstance(out, Mapping):
        for key, item in out.items():
            yield from _walk(item, steps, f"{name}_{key}" if name else str(key))
    elif isinstance(out, tuple | list):
        fields = getattr(out, "_fields", None)
        for i, item in enumerate(out):
            key = fields[i] if fields else ""
            yield from _walk(item, steps, "_".join(part for part in (name, key) if part))


def _is_record(items: list[Any], steps: int | None) -> bool:
    return len(items) == steps and all(isinstance(item, Tensor) for item in items)
