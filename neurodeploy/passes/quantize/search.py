"""The integers of one population: those of the scale that agrees best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Neuron, Synapse
from neurodeploy.passes.quantize.alone import Alone
from neurodeploy.passes.quantize.calibrated import calibrated
from neurodeploy.passes.quantize.membrane_error import MembraneError
from neurodeploy.passes.quantize.neurons import fixed_neuron
from neurodeploy.passes.quantize.options import Options
from neurodeploy.passes.quantize.scale import scales
from neurodeploy.passes.quantize.weights import (
    exponent_range,
    fixed_synapse,
)


@dataclass(frozen=True)
class Layer:
    """A real population on its way: its synapses, the highest scale that its states bear and the
    finest that is of use, integers per unit of the graded sources, and itself alone on the
    calibration data, if there is a run to compare with; errors: what its weights are rounded by,
    each to the nearest if there are none."""

    neuron: Neuron
    incoming: tuple[Synapse, ...]
    highest: float
    finest: float
    units: Mapping[str, float]
    alone: Alone | None
    errors: tuple[MembraneError, ...] = ()


@dataclass(frozen=True)
class Rounded:
    """A population in integers."""

    neuron: Neuron
    synapses: tuple[Synapse, ...]


def rounded(layer: Layer, bits: Mapping[str, int], options: Options, hardware: Hardware) -> Rounded:
    """The population at the scale that agrees best; bits: of each synapse."""
    exponents = exponent_range(options, hardware)
    highest, finest = layer.highest, layer.finest
    every = scales(layer.neuron, layer.incoming, highest, finest, layer.units, bits, exponents)
    if layer.alone is None:
        return _at(every[0], layer, bits, options, exponents)
    found = [_at(scale, layer, bits, options, exponents) for scale in every]
    costs = [layer.alone.judged(each.neuron, each.synapses).cost for each in found]
    return found[costs.index(min(costs))]


def _at(
    scale: float,
    layer: Layer,
    bits: Mapping[str, int],
    options: Options,
    exponents: tuple[int, int],
) -> Rounded:
    per_weight = {s.name: scale / layer.units.get(s.source, 1.0) for s in layer.incoming}
    synapses = [
        fixed_synapse(s, per_weight[s.name], bits[s.name], exponents) for s in layer.incoming
    ]
    if layer.errors:
        units = {s.name: 2.0**s.weight_exp / per_weight[s.name] for s in synapses}
        synapses = calibrated(layer.errors, layer.incoming, synapses, units, scale)
    return Rounded(fixed_neuron(layer.neuron, scale, options), tuple(synapses))
