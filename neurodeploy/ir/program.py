"""Program: populations of neurons and the synapses between them, in real or in fixed arithmetic.

Time. A synapse with `delay` d carries the output of its source at step t - d to its target at t.
A real Program has d = 0 forward and d = 1 on recurrent edges; a fixed Program that was retimed for
hardware has d >= 1 everywhere, since a chip delivers a spike in the step after it was sent.

Arrays are treated as immutable; passes build new values with `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Literal

import numpy as np

from neurodeploy.errors import Diagnostic, VerificationError

Array = np.ndarray[Any, np.dtype[Any]]
Arithmetic = Literal["real", "fixed"]
Kind = Literal["dense", "sparse", "conv1d", "conv2d"]


@dataclass(frozen=True)
class ConvGeometry:
    """Stride, padding and dilation per spatial axis, as torch means them, and groups."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1


@dataclass(frozen=True)
class Port:
    """An input of the Program.

    Real: values as they come. Fixed: binary spikes if `num_message_bits` is 0, else graded integers
    clip(round(x * scale)) of that width, signed if `signed`.
    """

    name: str
    shape: tuple[int, ...]
    num_message_bits: int = 0
    scale: float = 1.0
    signed: bool = False

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest integer of a fixed port."""
        if self.num_message_bits == 0:
            return 0, 1
        if self.signed:
            return -(1 << (self.num_message_bits - 1)), (1 << (self.num_message_bits - 1)) - 1
        return 0, (1 << self.num_message_bits) - 1


@dataclass(frozen=True)
class Neuron:
    """A population of `shape` neurons that share a model.

    `params` are the model's parameters: scalars, or arrays of the population's shape.
    `scale`: integer units of u and v per unit of the real membrane (1 in a real Program).
    `latency`: steps that it lives late in hardware time (0 unless the Program was retimed).
    """

    name: str
    shape: tuple[int, ...]
    model: str
    params: Mapping[str, Any]
    scale: float = 1.0
    latency: int = 0

    @property
    def size(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True)
class Synapse:
    """Weights from `source` (a port or population) to `target` (a population).

    dense: `(N_out, N_in)` over C-order flattened populations; sparse: the same as scipy CSR;
    conv1d: `(C_out, C_in / groups, k)`; conv2d: `(C_out, C_in / groups, kH, kW)`, correlation.
    Fixed: integers as the synapse memory holds them; the sum is shifted by `weight_exp`.
    """

    name: str
    source: str
    target: str
    kind: Kind
    weights: Any
    delay: int = 0
    geometry: ConvGeometry | None = None
    weight_exp: int = 0
    num_weight_bits: int = 8

    @property
    def weight_values(self) -> Array:
        """The stored weights as a flat array (a sparse synapse stores its non-zero ones)."""
        values = self.weights.data if self.kind == "sparse" else self.weights
        return np.asarray(values).ravel()


@dataclass(frozen=True)
class Program:
    """A network ready to run. `meta` holds text such as the graph's name and the chip's."""

    name: str
    arithmetic: Arithmetic
    dt: float
    inputs: tuple[Port, ...]
    neurons: tuple[Neuron, ...]
    synapses: tuple[Synapse, ...]
    outputs: tuple[str, ...]
    meta: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        ports = {p.name: p.shape for p in self.inputs}
        return ports | {n.name: n.shape for n in self.neurons}

    def neuron(self, name: str) -> Neuron:
        return next(n for n in self.neurons if n.name == name)

    def port(self, name: str) -> Port:
        return next(p for p in self.inputs if p.name == name)

    def incoming(self, name: str) -> tuple[Synapse, ...]:
        return tuple(s for s in self.synapses if s.target == name)

    def is_graded(self, source: str) -> bool:
        """Whether messages of `source` carry a value rather than a bare spike."""
        from neurodeploy.ir.neurons import NEURON_MODELS

        for port in self.inputs:
            if port.name == source:
                return self.arithmetic == "real" or port.num_message_bits > 0
        return NEURON_MODELS[self.neuron(source).model].graded

    @cached_property
    def latency(self) -> dict[str, int]:
        """Steps that each port (0) and population lives late; all 0 unless retimed."""
        return dict.fromkeys((p.name for p in self.inputs), 0) | {
            n.name: n.latency for n in self.neurons
        }

    @property
    def depth(self) -> int:
        """The largest latency: steps to add, so that every population lives through the input."""
        return max(self.latency.values())

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Population names so that every forward synapse leads from earlier to later."""
        return topological_order(self)


def forward_synapses(program: Program) -> tuple[Synapse, ...]:
    """Synapses that do not lead back: from an input, or to a population later in the order."""
    rank = {port.name: -1 for port in program.inputs}
    rank.update({name: i for i, name in enumerate(program.order)})
    return tuple(s for s in program.synapses if rank[s.source] < rank[s.target])


def topological_order(program: Program) -> tuple[str, ...]:
    """Populations so that every synapse without delay leads from earlier to later.

    A depth-first walk from the inputs, so that delayed synapses lead forward, too, where they can.
    VerificationError for a cycle of delay 0.
    """
    undelayed = tuple(s for s in program.synapses if s.delay == 0)
    for synapses in (program.synapses, undelayed):
        finished, closing = _depth_first(program, synapses)
        if not closing:
            break
    else:
        edge = closing[0]
        raise VerificationError(
            Diagnostic(
                f"synapse {edge.name}",
                "delay-free-cycle",
                f"{edge.source} -> {edge.target} closes a cycle without delay",
                "a recurrent synapse needs delay >= 1",
            )
        )
    populations = {n.name for n in program.neurons}
    return tuple(name for name in finished if name in populations)


def _depth_first(
    program: Program, synapses: tuple[Synapse, ...]
) -> tuple[tuple[str, ...], list[Synapse]]:
    """Everything after what leads to it but for back edges; those of them that have no delay."""
    targets: dict[str, list[Synapse]] = {}
    for synapse in synapses:
        targets.setdefault(synapse.source, []).append(synapse)
    finished: list[str] = []
    closing: list[Synapse] = []
    inside: dict[str, bool] = {}
    for root in [p.name for p in program.inputs] + [n.name for n in program.neurons]:
        if root in inside:
            continue
        inside[root] = True
        stack = [(root, iter(targets.get(root, [])))]
        while stack:
            name, edges = stack[-1]
            edge = next(edges, None)
            if edge is None:
                inside[name] = False
                finished.append(name)
                stack.pop()
            elif edge.target not in inside:
                inside[edge.target] = True
                stack.append((edge.target, iter(targets.get(edge.target, []))))
            elif inside[edge.target] and edge.delay == 0:
                closing.append(edge)
    return tuple(reversed(finished)), closing
