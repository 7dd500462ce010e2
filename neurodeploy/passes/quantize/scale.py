"""The scale of a population: integers per real membrane unit, before the chip's << 6.

Larger is finer, up to a ceiling; of values that neurons read, up to what the readers' weights make
of them (messages.py), unless that takes bits from weights here. Below it only the place of the
weights between two mantissas changes, and since the exponent follows the scale that repeats with
every octave: one octave of scales below the ceiling is all there is to choose from.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log2

import numpy as np

from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.ir.arithmetic import (
    BIAS_EXP_MAX,
    BIAS_MANTISSA_MAX,
    MANTISSA_SHIFT,
    STATE_LIMIT,
    THRESHOLD_MANTISSA_MAX,
)
from neurodeploy.ir.program import Neuron, Synapse
from neurodeploy.passes.quantize.neurons import NETX_BIAS_EXP
from neurodeploy.passes.quantize.options import Options
from neurodeploy.passes.quantize.weights import reach

PHASES = 8


def scales(
    neuron: Neuron,
    incoming: tuple[Synapse, ...],
    highest: float,
    finest: float,
    units: Mapping[str, float],
    bits: Mapping[str, int],
    exponents: tuple[int, int],
) -> tuple[float, ...]:
    """An octave of scales up to `highest`, and to `finest` as far as all weights keep their bits.
    The first puts the largest weight of the synapse with the most weights onto the largest
    mantissa, or is the ceiling where no exponent can; the others may cut weights off, by the
    exponent of all or, at the largest exponent, by at most half."""
    reaches = {
        s.name: reach(s.weight_values, bits[s.name]) / units.get(s.source, 1.0) for s in incoming
    }
    main = reaches[max(incoming, key=lambda s: s.weight_values.size).name] if incoming else 0.0
    if main > 0:
        highest = min(highest, max(finest, 2.0 ** (exponents[0] + 1) / main))
    top = max(reaches.values(), default=0.0)
    uncut = min(highest, 2.0 ** exponents[1] / top) if top > 0 else highest
    if not np.isfinite(uncut) or uncut <= 0:
        detail = "no finite scale: weights, biases and states are all zero or not finite"
        raise QuantizationError(Diagnostic(f"neuron {neuron.name}", "scale", detail))
    if not incoming:
        return (min(uncut, float(THRESHOLD_MANTISSA_MAX)),)
    first = uncut
    exponent = floor(log2(uncut * main) + 1e-9) if main > 0 else exponents[0] - 1
    if exponent >= exponents[0]:
        first = 2.0**exponent / main
    octave = (first * 2.0 ** (phase / PHASES) for phase in range(PHASES))
    return tuple(s if s <= min(highest, 2 * uncut) else s / 2 for s in octave)


def ceiling(neuron: Neuron, peak: float, options: Options) -> float:
    """The largest scale at which states (times the margin), thresholds and biases fit."""
    limits = [(STATE_LIMIT - 1) / (1 << MANTISSA_SHIFT) / (options.margin * max(peak, 1e-30))]
    for key in ("vth", "subtract"):
        value = float(np.max(neuron.params.get(key, 0.0)))
        limits += [THRESHOLD_MANTISSA_MAX / value] if value > 0 else []
    bias = float(np.abs(neuron.params.get("bias", 0.0)).max())
    if bias > 0:
        exponent = NETX_BIAS_EXP if options.form == "netx" else BIAS_EXP_MAX
        largest = BIAS_MANTISSA_MAX * 2.0**exponent / (1 << MANTISSA_SHIFT)
        limits.append(largest / bias)
    return min(limits)
