"""snnTorch's neuron classes, one file per class or family; the folder fills `CELLS`.

A file registers a `CellRule` for each class that has a form in NIR and a `Refusal` for each that
has none. Read in snntorch 1.0.0, `_neurons/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from torch import nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.tracer.neuron_layers import Cell, Problem, Reset
from neurodeploy.frontends.tracer.own_code import changed_methods
from neurodeploy.registry import Registry

Shape = tuple[int, ...]


class CellRule(Protocol):
    """One neuron class. `states`: arguments of forward() after the input, attributes as well.

    reset: what forward() does after a spike. problems: what keeps a layer from being exact.
    unreadable: why nothing in the graph gives this port. to_cell: the nodes of a checked layer.
    """

    @property
    def kind(self) -> type[nn.Module]: ...

    @property
    def states(self) -> tuple[str, ...]: ...

    def reset(self, module: Any) -> Reset: ...

    def problems(self, module: Any, where: str, shape: Shape) -> Sequence[Problem]: ...

    def unreadable(self, module: Any, port: str, where: str) -> Diagnostic | None: ...

    def to_cell(self, module: Any, shape: Shape, dt: float, used: frozenset[str]) -> Cell: ...


@dataclass(frozen=True)
class Refusal:
    """A class without a form in NIR: why, and what to use instead."""

    kind: type[nn.Module]
    detail: str
    hint: str


Entry: TypeAlias = "CellRule | Refusal"
CELLS: Registry[Entry] = Registry("snnTorch neuron", "neurodeploy.frontends.snntorch.cells")


def rule_of(module: nn.Module) -> CellRule | None:
    """The rule of its class, or of the one it derives from if it changes nothing that is run."""
    entry = _nearest(module)
    if entry is None or isinstance(entry, Refusal) or changed_methods(module, entry.kind):
        return None
    return entry


def changed_hint(module: nn.Module) -> str:
    """What to do about a layer that would have a rule if it did not change its class's code."""
    entry = _nearest(module)
    if entry is None:
        return ""
    changed = ", ".join(f"{name}()" for name in changed_methods(module, entry.kind))
    plain = entry.kind.__name__
    return f"{changed} may compute something else than snnTorch's: export a plain {plain}"


def _nearest(module: nn.Module) -> Entry | None:
    """What is registered for the first of its classes that snnTorch defines."""
    entries = ((kind, CELLS.get(kind.__name__)) for kind in type(module).__mro__)
    return next((entry for kind, entry in entries if entry and entry.kind is kind), None)


def refusal_of(module: nn.Module) -> Refusal | None:
    """Why this class, or the nearest one that it derives from, has no form."""
    for kind in type(module).__mro__:
        entry = CELLS.get(kind.__name__)
        if isinstance(entry, Refusal) and entry.kind is kind:
            return entry
    return None
