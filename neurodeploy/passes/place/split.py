"""One core as a Program of its own: its slices, and a port for each source that sends to them.

A chip's cores see each other's messages a step after they were sent. So do the ports: what a port
takes at step t is what its source sent at t - 1, and the delays here are one step shorter. All
messages of one synapse meet in one sum before it is shifted, as in the whole Program, whichever
cores they come from.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, Final

import numpy as np
from scipy import sparse

from neurodeploy.ir.mapping import Box, Core, Slice, box_rows, box_shape, box_slices
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Port, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
STATE_BITS: Final = 24


def core_program(program: Program, core: Core) -> Program:
    """The part of a retimed fixed Program (every delay >= 1) that runs on `core`.

    Populations are named as slices print; ports as their sources.
    """
    synapses = [
        _synapse(program, s, part)
        for part in core.slices
        for s in program.incoming(part.population)
    ]
    sources = dict.fromkeys(s.source for s in synapses)
    return Program(
        name=program.name,
        arithmetic=program.arithmetic,
        dt=program.dt,
        inputs=tuple(_port(program, name) for name in sources),
        neurons=tuple(_neuron(program.neuron(part.population), part) for part in core.slices),
        synapses=tuple(synapses),
        outputs=tuple(map(str, core.slices)),
        meta=program.meta,
    )


def _port(program: Program, source: str) -> Port:
    for port in program.inputs:
        if port.name == source:
            return port
    neuron = program.neuron(source)
    bits = STATE_BITS if NEURON_MODELS[neuron.model].graded else 0
    return Port(source, neuron.shape, num_message_bits=bits, signed=bits > 0)


def _neuron(neuron: Neuron, part: Slice) -> Neuron:
    inside = box_slices(part.box)
    params = {
        key: np.asarray(value)[inside] if np.ndim(value) else value
        for key, value in neuron.params.items()
    }
    return replace(neuron, name=str(part), shape=box_shape(part.box), params=params)


def _synapse(program: Program, synapse: Synapse, part: Slice) -> Synapse:
    return replace(
        synapse,
        name=f"{synapse.name} to {part}",
        target=str(part),
        kind="sparse",
        geometry=None,
        weights=rows_into(program, synapse, part.box),
        delay=synapse.delay - 1,
    )


def rows_into(program: Program, synapse: Synapse, box: Box) -> sparse.csr_array:
    """The weights that lead to a box, `(neurons of the box, neurons of the source)`."""
    source, target = program.shapes[synapse.source], program.shapes[synapse.target]
    if synapse.geometry is None:
        return sparse.csr_array(synapse.weights[box_rows(box, target)])
    rows, columns, values = _conv_entries(synapse, source, box)
    shape = (prod(box_shape(box)), prod(source))
    return sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=shape))


def _conv_entries(
    synapse: Synapse, source: tuple[int, ...], box: Box
) -> tuple[Array, Array, Array]:
    """Row, column and weight of every connection of a convolution into a box."""
    g, weights = synapse.geometry, np.asarray(synapse.weights)
    assert g is not None
    outputs = np.arange(*box[0])
    inputs = np.arange(weights.shape[1])
    channels = (outputs // (len(weights) // g.groups))[:, None] * weights.shape[1] + inputs
    places = np.indices(box_shape(box[1:])).reshape(len(box) - 1, -1)
    starts = np.array([start for start, _ in box[1:]])[:, None]
    strides, padding, dilation = (np.array(v)[:, None] for v in (g.stride, g.padding, g.dilation))
    sizes = np.array(source[1:])[:, None]
    found = []
    for tap in np.ndindex(weights.shape[2:]):
        at = (places + starts) * strides + np.array(tap)[:, None] * dilation - padding
        inside = np.flatnonzero(((at >= 0) & (at < sizes)).all(axis=0))
        flat = np.ravel_multi_index(tuple(at[:, inside]), source[1:])
        rows = np.arange(len(outputs))[:, None, None] * places.shape[1] + inside
        columns = channels[:, :, None] * prod(source[1:]) + flat
        values = weights[outputs].transpose(*range(2, weights.ndim), 0, 1)[tap][:, :, None]
        found.append(tuple(a.ravel() for a in np.broadcast_arrays(rows, columns, values)))
    rows, columns, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows, columns, values
