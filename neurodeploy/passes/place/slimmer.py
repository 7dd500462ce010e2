"""Programs like a given one, but smaller, to find out what would fit: they compute other things."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.ir.program import Neuron, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]


def grouped(program: Program, groups: int) -> Program | None:
    """Every convolution in `groups` groups of channels; None if none has so many channels."""
    changed = tuple(_grouped(s, groups) for s in program.synapses)
    if all(new is old for new, old in zip(changed, program.synapses, strict=True)):
        return None
    return replace(program, synapses=changed)


def _grouped(synapse: Synapse, groups: int) -> Synapse:
    g = synapse.geometry
    if g is None or g.groups != 1:
        return synapse
    outputs, inputs = synapse.weights.shape[:2]
    if outputs % groups or inputs % groups:
        return synapse
    weights = synapse.weights[:, : inputs // groups]
    return replace(synapse, weights=weights, geometry=replace(g, groups=groups))


def slimmed(program: Program, parts: int) -> Program | None:
    """Every hidden population with 1/`parts` of its neurons along its first axis, and the synapses
    between those; None where that is no whole number or a convolution has groups."""
    kept: dict[str, int] = {}
    for neuron in program.neurons:
        if neuron.name not in program.outputs or len(program.neurons) == 1:
            if neuron.shape[0] % parts:
                return None
            kept[neuron.name] = neuron.shape[0] // parts
    convolutions = [s.geometry for s in program.synapses if s.geometry is not None]
    if not kept or any(g.groups > 1 for g in convolutions):
        return None
    return replace(
        program,
        neurons=tuple(_slim_neuron(n, kept) for n in program.neurons),
        synapses=tuple(_slim_synapse(program, s, kept) for s in program.synapses),
    )


def _slim_neuron(neuron: Neuron, kept: dict[str, int]) -> Neuron:
    if neuron.name not in kept:
        return neuron
    number = kept[neuron.name]
    params = {k: v[:number] if np.ndim(v) else v for k, v in neuron.params.items()}
    return replace(neuron, shape=(number, *neuron.shape[1:]), params=params)


def _slim_synapse(program: Program, synapse: Synapse, kept: dict[str, int]) -> Synapse:
    rows, columns = (
        _first(program.shapes[end], kept.get(end), synapse.geometry is not None)
        for end in (synapse.target, synapse.source)
    )
    return replace(synapse, weights=synapse.weights[rows][:, columns])


def _first(shape: tuple[int, ...], kept: int | None, channels: bool) -> slice:
    """The kept part of an axis of the weights: of channels, or of C-order flattened neurons."""
    if kept is None:
        return slice(None)
    return slice(kept if channels else kept * int(np.prod(shape[1:])))
