"""A Program as the sequence of layers that netx knows: what feeds each population, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from neurodeploy.errors import Diagnostic
from neurodeploy.ir.netx_weights import folded
from neurodeploy.ir.program import Neuron, Port, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["input", "conv", "dense", "dense_rec"]
SEQUENTIAL = "netx is strictly sequential"


@dataclass(frozen=True)
class Layer:
    """A population with the synapses that feed it forward, by rising delay, and back to itself."""

    neuron: Neuron
    kind: Kind
    source_shape: tuple[int, ...]
    forward: tuple[Synapse, ...]
    back: Synapse | None

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return self.forward + ((self.back,) if self.back else ())


def sequence_problems(program: Program) -> Iterator[Diagnostic]:
    """Why the Program is no sequence of layers; nothing if it is."""
    if program.arithmetic != "fixed":
        yield Diagnostic(program.name, "netx-fixed", "a netx file holds integers")
    if len(program.inputs) != 1:
        yield Diagnostic(program.name, "netx-input", f"{len(program.inputs)} inputs; {SEQUENTIAL}")
        return
    chain = [program.inputs[0].name, *program.order]
    for before, name in pairwise(chain):
        incoming = program.incoming(name)
        sources = {s.source for s in incoming}
        if sources not in ({before}, {before, name}):
            detail = f"is fed by {', '.join(sorted(sources)) or 'nothing'}; {SEQUENTIAL}"
            yield Diagnostic(f"neuron {name}", "netx-sequence", detail)
        elif len([s for s in incoming if s.source == name]) > 1:
            detail = "feeds itself through several synapses, netx knows one"
            yield Diagnostic(f"neuron {name}", "netx-sequence", detail)
    if program.outputs != (chain[-1],):
        detail = f"{', '.join(program.outputs)}; only the last layer, {chain[-1]}, can be one"
        yield Diagnostic("outputs", "netx-output", detail)


def layers(program: Program) -> list[Layer]:
    """The populations in order; the Program has to be a sequence."""
    found: list[Layer] = []
    source: Port | Neuron = program.inputs[0]
    for name in program.order:
        neuron = program.neuron(name)
        incoming = program.incoming(name)
        forward = sorted((s for s in incoming if s.source != name), key=lambda s: s.delay)
        back = next((s for s in incoming if s.source == name), None)
        kind: Kind = "dense" if back is None else "dense_rec"
        if any(s.kind.startswith("conv") for s in forward):
            kind = "conv"
        elif isinstance(source, Port) and _is_input_block(source, neuron, incoming):
            kind = "input"
        found.append(Layer(neuron, kind, source.shape, tuple(forward), back))
        source = neuron
    return found


def _is_input_block(port: Port, neuron: Neuron, incoming: tuple[Synapse, ...]) -> bool:
    """Whether graded values reach a population one by one: netx's input layer with neurons."""
    if port.num_message_bits == 0 or len(incoming) != 1 or port.shape != neuron.shape:
        return False
    synapse = incoming[0]
    if synapse.kind not in ("dense", "sparse") or synapse.delay != 1 or synapse.weight_exp != 0:
        return False
    if np.count_nonzero(synapse.weight_values) != port.size:
        return False
    return bool((synapse.weights.diagonal() == 1).all())


def merged(layer: Layer) -> tuple[Array, Array] | None:
    """Weights and Lava's delays, `(targets, sources)`, of all forward synapses; -1 stands for a
    connection that none of them has. None if they overlap or their weights cannot be said."""
    shape = (layer.neuron.size, int(np.prod(layer.source_shape)))
    weights = np.zeros(shape, dtype=np.int64)
    delays = np.full(shape, -1, dtype=np.int64)
    for synapse in layer.forward:
        part = folded(synapse)
        there = _connections(synapse, alone=len(layer.forward) == 1)
        if part is None or (delays[there] >= 0).any():
            return None
        weights[there] = part[there]
        delays[there] = synapse.delay - 1
    return weights, delays


def _connections(synapse: Synapse, *, alone: bool) -> Array:
    """Where a synapse stands: a sparse one where it stores a weight, a dense one beside others
    where its weight is not zero."""
    if alone:
        return np.ones(synapse.weights.shape, dtype=bool)
    if synapse.kind != "sparse":
        return np.asarray(synapse.weights) != 0
    there = np.zeros(synapse.weights.shape, dtype=bool)
    there[synapse.weights.nonzero()] = True
    coordinates = synapse.weights.tocoo()
    there[coordinates.row, coordinates.col] = True
    return there


def delay_key(delays: Array) -> Array | None:
    """The `delay` of a dense layer so that lava-dl reads it back: per target, per source, or per
    weight. As many values as there are targets are always those of the targets."""
    known = np.where(delays < 0, delays.max(initial=0), delays)
    if not known.any():
        return None
    filled = np.where(delays < 0, known.min(), delays)
    for axis, vector in ((1, delays.max(axis=1)), (0, delays.max(axis=0))):
        vector = np.where(vector < 0, filled.min(), vector)
        spread = np.broadcast_to(np.expand_dims(vector, axis), delays.shape)
        square = delays.shape[0] == delays.shape[1]
        if np.array_equal(np.where(delays < 0, spread, delays), spread) and (axis or not square):
            return vector
    return filled


def read_back(layer: Layer) -> tuple[Synapse, ...]:
    """The synapses that a reader of the layer's file makes, in its order."""
    if layer.kind in ("input", "conv"):
        return layer.synapses
    found = merged(layer)
    assert found is not None
    key = delay_key(found[1])
    present = {0} if key is None else {int(d) for d in np.unique(key)}
    known = {s.delay - 1: s for s in reversed(layer.forward)}
    forward = tuple(known[delay] for delay in sorted(present))
    return forward + ((layer.back,) if layer.back else ())
