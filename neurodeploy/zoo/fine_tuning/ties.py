"""Which synapses and biases of a Program are one layer's: they train as one parameter.

A layer that reads a sum, `fc(s3 + s1)`, or that a module calls twice becomes several synapses with
the same real weights, bit for bit. Each rounds them on its own grid: where the compiler gave the
copies one scale, their integers stay the same too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import torch

from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.zoo.fine_tuning.modes import FixedModes
from neurodeploy.zoo.fine_tuning.population import FixedPopulation
from neurodeploy.zoo.fine_tuning.synapse import FixedSynapse

Key = tuple[Hashable, ...]


def tie(
    real: Program,
    synapses: Iterable[FixedSynapse],
    populations: Iterable[FixedPopulation | FixedModes],
) -> None:
    """Makes one parameter of what is one layer's in `real`. It starts at the real weights where
    the calibrated integers of its synapses differ."""
    trained = {s.synapse.name: s for s in synapses if s.weight.requires_grad}
    known = {s.name: s for s in real.synapses}
    for names in _groups((name, _layer(known[name])) for name in trained):
        copies = [trained[name] for name in names]
        shared = copies[0].weight
        if not all(torch.equal(each.weight, shared) for each in copies):
            shared = copies[0].parameter(known[names[0]].weight_values)
        for each in copies:
            each.weight = shared
    biased = {
        p.neuron.name: p
        for p in populations
        if isinstance(p, FixedPopulation) and p.bias.requires_grad
    }
    for names in _groups((name, _bias(real, real.neuron(name))) for name in biased):
        for name in names:
            biased[name].bias = biased[names[0]].bias


def _layer(synapse: Synapse) -> Key:
    """Equal for synapses of one layer. Weights of one value alone, such as ones, are no sign of
    it: then the synapse stands for itself."""
    values = np.asarray(synapse.weight_values, dtype=np.float64)
    if len(np.unique(values[values != 0])) < 2:
        return (synapse.name,)
    places: tuple[bytes, ...] = ()
    if synapse.kind == "sparse":
        places = (_bytes(synapse.weights.indptr), _bytes(synapse.weights.indices))
    return synapse.kind, tuple(synapse.weights.shape), *places, values.tobytes()


def _bias(real: Program, neuron: Neuron) -> Key:
    """Equal for populations that the same layers lead to, with the same bias."""
    layers = frozenset(_layer(s) for s in real.incoming(neuron.name))
    bias = np.asarray(neuron.params.get("bias", 0.0), dtype=np.float64)
    return neuron.shape, layers, bias.tobytes()


def _groups(keys: Iterable[tuple[str, Key]]) -> list[list[str]]:
    """The names that have one key, where there are several."""
    found: dict[Key, list[str]] = defaultdict(list)
    for name, key in keys:
        found[key].append(name)
    return [names for names in found.values() if len(names) > 1]


def _bytes(values: Any) -> bytes:
    return np.asarray(values, dtype=np.int64).tobytes()
