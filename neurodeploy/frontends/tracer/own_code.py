"""Whether a layer computes what its class does: a subclass or the object may say otherwise."""

from __future__ import annotations

from types import FunctionType
from typing import Any, Final

from torch import nn

_RUN: Final = ("__call__", "_call_impl", "forward")
_NOT_RUN: Final = frozenset(["extra_repr", "reset_parameters"])


def changed_methods(module: nn.Module, kind: type[nn.Module]) -> tuple[str, ...]:
    """The functions of `kind` that forward() may call and that are others in `module`.

    What every nn.Module has, such as train() or state_dict(), is not called by forward().
    """
    classes = type(module).__mro__
    nearer = [vars(c) for c in classes[: classes.index(kind)]]
    names = {name: None for own in (vars(module), *nearer) for name in own}
    return tuple(name for name in names if _is_run(kind, name))


def _is_run(kind: type[nn.Module], name: str) -> bool:
    value: Any = getattr(kind, name, None)
    if name in _RUN:
        return True
    is_function = isinstance(getattr(value, "__func__", value), FunctionType)
    return is_function and not hasattr(nn.Module, name) and name not in _NOT_RUN
