"""The integers of one population: the scale, and the weight bits, that agree best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Neuron, Synapse
from neurodeploy.passes.quantize.alone import Alone
from neurodeploy.passes.quantize.calibrated import calibrated
from neurodeploy.passes.quantize.membrane_error import MembraneError
from neurodeploy.passes.quantize.neurons import fixed_neuron
from neurodeploy.passes.quantize.options import WIDEST, Options
from neurodeploy.passes.quantize.scale import scales
from neurodeploy.passes.quantize.weights import (
    WeightError,
    exponent_range,
    fixed_synapse,
    relative_error,
    signs_of,
)


@dataclass(frozen=True)
class Layer:
    """A real population on its way: its synapses, its peak state, integers per unit of the graded
    sources, and itself alone on the calibration data, if there is a run to compare with; errors:
    what its weights are rounded by, each to the nearest if there are none."""

    neuron: Neuron
    incoming: tuple[Synapse, ...]
    peak: float
    units: Mapping[str, float]
    alone: Alone | None
    errors: tuple[MembraneError, ...] = ()


@dataclass(frozen=True)
class Rounded:
    """A population in integers, what that did to its parameters, and its own disagreement."""

    neuron: Neuron
    synapses: tuple[Synapse, ...]
    weight_errors: Mapping[str, WeightError]
    decay_error: float
    threshold_error: float
    disagreement: float | None = None
    rounding: str = "nearest"


def rounded(layer: Layer, options: Options, hardware: Hardware) -> Rounded:
    """The population with the scale, and for "auto" the fewest bits, that the options ask for."""
    if options.weight_bits != "auto":
        bits = {s.name: options.bits_of(s) for s in layer.incoming}
        return _best_scale(layer, bits, options, hardware)
    widest = min(hardware.limit("weight_bits"), WIDEST)
    fewest = 1 + any(signs_of(s.weight_values) == 2 for s in layer.incoming)
    for width in range(fewest if layer.alone else widest, widest + 1):
        found = _best_scale(layer, {s.name: width for s in layer.incoming}, options, hardware)
        if found.disagreement is not None and found.disagreement <= options.tolerance:
            break
    return found


def _best_scale(
    layer: Layer, bits: Mapping[str, int], options: Options, hardware: Hardware
) -> Rounded:
    exponents = exponent_range(options, hardware)
    every = scales(layer.neuron, layer.incoming, layer.peak, layer.units, options, bits, exponents)
    if layer.alone is None:
        return _at(every[0], layer, bits, options, exponents)
    found = [_judged(_at(scale, layer, bits, options, exponents), layer.alone) for scale in every]
    return min(found, key=lambda each: each[0])[1]


def _judged(found: Rounded, alone: Alone) -> tuple[float, Rounded]:
    judgement = alone.judged(found.neuron, found.synapses)
    return judgement.cost, replace(found, disagreement=judgement.disagreement)


def _at(
    scale: float,
    layer: Layer,
    bits: Mapping[str, int],
    options: Options,
    exponents: tuple[int, int],
) -> Rounded:
    neuron, decay_error, threshold_error = fixed_neuron(layer.neuron, scale, options)
    synapses: list[Synapse] = []
    errors: dict[str, WeightError] = {}
    units: dict[str, float] = {}
    for s in layer.incoming:
        per_weight = scale / layer.units.get(s.source, 1.0)
        fixed, errors[s.name] = fixed_synapse(s, per_weight, bits[s.name], exponents)
        synapses.append(fixed)
        units[s.name] = 2.0**fixed.weight_exp / per_weight
    if layer.errors:
        synapses = calibrated(layer.errors, layer.incoming, synapses, units)
        for before, after in zip(layer.incoming, synapses, strict=True):
            wanted = before.weight_values / units[before.name]
            relative = relative_error(after.weight_values, wanted)
            errors[before.name] = replace(errors[before.name], relative=relative)
    rounding = "calibrated" if layer.errors else "nearest"
    return Rounded(neuron, tuple(synapses), errors, decay_error, threshold_error, rounding=rounding)
