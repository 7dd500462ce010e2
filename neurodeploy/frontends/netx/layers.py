"""What each type of netx layer becomes: a population and the synapses that feed it.

lava-dl 0.6.0, `netx.hdf5.Network.create_*`. Pooling and averaging are what slayer computes, since
lava-dl's loader refuses both. (slayer 0.6.0 fails to write an average: it asks it for its neuron.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from neurodeploy.frontends.netx.neurons import BIAS_EXP, Place, population
from neurodeploy.frontends.netx.section import Section
from neurodeploy.frontends.netx.synapses import (
    Source,
    conv_synapses,
    dense_synapses,
    pool_synapses,
)
from neurodeploy.ir.arithmetic import DECAY_UNITY, MANTISSA_SHIFT
from neurodeploy.ir.program import Neuron, Synapse
from neurodeploy.ir.synapses import conv_output_shape

REFUSED = {
    "convT": "transposed convolution: lava-dl's loader does not implement it",
    "unpool": "unpooling: lava-dl's loader does not implement it",
    "concat": "concatenation: lava-dl never wrote it",
    "dense_comp": "complex weights have no Program",
}
Built = tuple[Neuron, list[Synapse]]


def dense(layer: Section, place: Place, source: Source) -> Built:
    """`dense` and `dense_rec`: the population is flat."""
    weights = layer.numbers("weight") if not layer.is_group("weight") else np.zeros((1, 1))
    targets = prod(layer.shape()) if "shape" in layer else len(weights)
    if targets != layer.integer("outFeatures", targets):
        detail = f"is {layer.integer('outFeatures')}, shape says {targets} neurons"
        raise layer.damaged("outFeatures", detail)
    synapses = dense_synapses(layer, place.name, source, targets)
    neuron = population(layer, replace(place, shape=(targets,)))
    if neuron.model == "integrator":  # it never fires, so nothing leads back
        synapses = [s for s in synapses if s.source != place.name]
    return neuron, synapses


def conv(layer: Section, place: Place, source: Source) -> Built:
    return _image(layer, place, source, conv_synapses(layer, place.name, source))


def pool(layer: Section, place: Place, source: Source) -> Built:
    layer.notes.append(f"{layer.where}: pooling as slayer computes it; lava-dl's loader refuses it")
    return _image(layer, place, source, pool_synapses(layer, place.name, source))


def _image(layer: Section, place: Place, source: Source, synapses: list[Synapse]) -> Built:
    geometry = synapses[0].geometry
    assert geometry is not None
    shape = conv_output_shape(source.shape, synapses[0].weights.shape, geometry)
    if "shape" in layer and layer.shape() != shape:
        raise layer.damaged("shape", f"is {layer.shape()}, the weights give {shape}")
    return population(layer, replace(place, shape=shape)), synapses


def average(layer: Section, place: Place, source: Source) -> Built:
    """slayer's mean over groups of neighbours, as a read-out without memory: v = 64 x the number of
    spikes of the group, whose size is in the scale."""
    groups = prod(layer.shape())
    size = prod(source.shape)
    if not place.last or size % groups:
        detail = f"{size} neurons into {groups} groups, {'the last' if place.last else 'an inner'}"
        raise layer.unsupported("netx-average", f"average: {detail} layer", "average at the end")
    members = np.arange(size)
    rows = members // (size // groups)
    weights = csr_array((np.ones(size, dtype=np.int32), (rows, members)), shape=(groups, size))
    params: dict[str, Any] = {
        "du": DECAY_UNITY - 1,
        "dv": DECAY_UNITY,
        "bias": 0,
        "bias_exp": BIAS_EXP,
        "v_init": 0,
    }
    scale = float((1 << MANTISSA_SHIFT) * (size // groups))
    neuron = Neuron(place.name, (groups,), "integrator", params, scale, place.latency)
    return neuron, [Synapse(f"{place.name}.in", source.name, place.name, "sparse", weights, 1)]


BUILDERS: dict[str, Callable[[Section, Place, Source], Built]] = {
    "dense": dense,
    "dense_rec": dense,
    "conv": conv,
    "pool": pool,
    "average": average,
}
