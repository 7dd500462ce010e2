"""What a module's forward() takes besides its input, and the tensors in what it returns."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn


def state_arguments(network: nn.Module, optional: bool = False) -> tuple[str, ...]:
    """Arguments of forward() after the input that have no default: states kept by the caller.

    With `optional` also those whose default is None.
    """
    parameters = list(inspect.signature(network.forward).parameters.values())[1:]
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
    return list(_walk(out, steps))


def _walk(out: Any, steps: int | None) -> Iterator[Any]:
    if isinstance(out, Tensor) or (isinstance(out, list) and _is_record(out, steps)):
        yield out
    elif isinstance(out, tuple | list):
        for item in out:
            yield from _walk(item, steps)
    elif isinstance(out, dict):
        for item in out.values():
            yield from _walk(item, steps)


def _is_record(items: list[Any], steps: int | None) -> bool:
    return len(items) == steps and all(isinstance(item, Tensor) for item in items)
