"""How fine the values that neurons read are worth being.

A weight w from messages of x integers a unit to a reader of s is w s / x in integers. It uses all
bits of its mantissa at the smallest exponent e if w s / x reaches the largest, M 2^e. With every
factor of two, finer messages take a bit from the weights, while a step of them is already about one
of the reader's own integers: x is at most w s / (M 2^e), w being each reader's largest weight.
"""

from __future__ import annotations

from collections.abc import Mapping

from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize.layer import Calibration
from neurodeploy.passes.quantize.neurons import fixed_neuron
from neurodeploy.passes.quantize.options import Options
from neurodeploy.passes.quantize.scale import ceiling
from neurodeploy.passes.quantize.weights import reach


def finest(
    program: Program,
    name: str,
    calibration: Calibration,
    options: Options,
    bits: Mapping[str, int],
    exponent: int,
) -> float:
    """The largest useful scale of a population, infinite unless neurons read its values;
    exponent: the smallest of the weights. Readers are taken at their own largest scale."""
    neuron = program.neuron(name)
    model = NEURON_MODELS[neuron.model]
    if model.sends != "y":
        return float("inf")
    reaches: dict[str, float] = {}
    for s in program.synapses:
        if s.source == name:
            most = reach(s.weight_values, bits[s.name])
            reaches[s.target] = max(most, reaches.get(s.target, 0.0))
    largest = float("inf")
    for reader, most in reaches.items():
        own = ceiling(program.neuron(reader), calibration.peaks[reader], options)
        own = min(own, finest(program, reader, calibration, options, bits, exponent))
        if most > 0:
            largest = min(largest, own * most / 2.0**exponent)
    one = fixed_neuron(neuron, 1.0, options)
    return largest / model.message_scale(one.params, one.scale)
