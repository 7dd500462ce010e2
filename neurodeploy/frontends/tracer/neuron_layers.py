"""What the tracer has to know about a framework's neuron layers: one object per framework."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import nir
from torch import Tensor, nn

from neurodeploy.errors import Diagnostic

Shape = tuple[int, ...]
Mechanism = Literal["zero", "subtract", "none"]
SPIKES = "spk"  # the port of what a neuron layer sends on; its states are ports of their own names


@dataclass(frozen=True)
class Cell:
    """NIR nodes of one neuron layer, by suffix to the layer's name ("" is the layer itself).

    `entry` takes the input; `ports` names the node that gives "spk" or a state; `feedback` are the
    edges that deliver one step later. `notes` go into the manifest.
    """

    nodes: Mapping[str, nir.NIRNode]
    entry: str
    ports: Mapping[str, str]
    edges: tuple[tuple[str, str], ...] = ()
    feedback: tuple[tuple[str, str], ...] = field(default=())
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """`loss` says what `allow_lossy` leaves out; empty if there is no nearest form."""

    diagnostic: Diagnostic
    loss: str = ""


@dataclass(frozen=True)
class Reset:
    """When and how a spike changes the membrane.

    `loses_step`: the step after a spike leaves the membrane at 0, whatever its input.
    """

    mechanism: Mechanism
    delayed: bool
    loses_step: bool = False

    def __str__(self) -> str:
        if self.loses_step:
            return f"{self.mechanism}, and the step after a spike is lost"
        if self.mechanism != "subtract":
            return self.mechanism
        return f"subtract, {'one step later' if self.delayed else 'in the same step'}"


class NeuronLayers(Protocol):
    """A framework's neuron layers. `packages` are the distributions that a manifest names.

    owns: whether the framework defines this module as a neuron layer, supported or not.
    supports: whether `to_cell` knows its class.
    states_before: the states that a call starts from, by port; None where it starts at rest.
    states_after: the states after a call that returned `out`, by port.
    at_rest: puts a copied layer into its zero state. in_float64: makes a copied layer, whose
    tensors are float64 already, compute in float64 throughout.
    kept_states: names of the tensors on a layer that are its states and no parameters.
    running: while the copied `network` runs; what resets all of the framework's layers resets its.
    problems: what keeps a supported layer of `shape` from being exact in NIR.
    unreadable: why the graph has no node for this port; None if it has.
    to_cell: the nodes of a layer without problems; `used` are the ports that something reads.
    takes_sequence: whether a call gets all steps `(T, B, *shape)` at once.
    rest: the value of a state before the first step. hint: what to use instead of a layer that is
    owned but not supported.
    """

    packages: tuple[str, ...]

    def owns(self, module: nn.Module) -> bool: ...

    def supports(self, module: nn.Module) -> bool: ...

    def states_before(
        self, module: nn.Module, args: Any, kwargs: Any
    ) -> Mapping[str, Tensor | None]: ...

    def states_after(self, module: nn.Module, out: Any) -> Mapping[str, Tensor]: ...

    def at_rest(self, module: nn.Module) -> None: ...

    def in_float64(self, module: nn.Module) -> None: ...

    def kept_states(self, module: nn.Module) -> Collection[str]: ...

    def running(self, network: nn.Module) -> AbstractContextManager[None]: ...

    def reset(self, module: nn.Module) -> Reset: ...

    def problems(self, module: nn.Module, where: str, shape: Shape) -> list[Problem]: ...

    def takes_sequence(self, module: nn.Module) -> bool: ...

    def rest(self, module: nn.Module, state: str) -> Tensor | float: ...

    def hint(self, module: nn.Module) -> str: ...

    def unreadable(self, module: nn.Module, port: str, where: str) -> Diagnostic | None: ...

    def to_cell(self, module: nn.Module, shape: Shape, dt: float, used: frozenset[str]) -> Cell: ...
