"""The scale of a population: integers per real membrane unit, before the chip's << 6."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log2

import numpy as np

from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.hardware import Hardware
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
from neurodeploy.passes.quantize.weights import exponent_range, mantissa_max


def scale_of(
    neuron: Neuron,
    incoming: tuple[Synapse, ...],
    peak: float,
    units: Mapping[str, float],
    options: Options,
    hardware: Hardware,
) -> float:
    """s: the largest scale that the calibrated range allows, aligned to the widest synapse."""
    limits = [(STATE_LIMIT - 1) / (1 << MANTISSA_SHIFT) / (options.margin * max(peak, 1e-30))]
    for key in ("vth", "subtract"):
        value = float(np.max(neuron.params.get(key, 0.0)))
        limits += [THRESHOLD_MANTISSA_MAX / value] if value > 0 else []
    bias = float(np.abs(neuron.params["bias"]).max())
    if bias > 0:
        exponent = NETX_BIAS_EXP if options.form == "netx" else BIAS_EXP_MAX
        largest = BIAS_MANTISSA_MAX * 2.0**exponent / (1 << MANTISSA_SHIFT)
        limits.append(largest / bias)
    high = exponent_range(options, hardware)[1]
    for synapse in incoming:
        weights = synapse.weight_values
        top = float(np.abs(weights).max(initial=0.0)) / units.get(synapse.source, 1.0)
        limits += [mantissa_max(weights, options.weight_bits) * 2.0**high / top] if top > 0 else []
    ceiling = min(limits)
    if not np.isfinite(ceiling) or ceiling <= 0:
        detail = "no finite scale: weights, biases and states are all zero or not finite"
        raise QuantizationError(Diagnostic(f"neuron {neuron.name}", "scale", detail))
    return _aligned(ceiling, incoming, units, options, hardware)


def _aligned(
    ceiling: float,
    incoming: tuple[Synapse, ...],
    units: Mapping[str, float],
    options: Options,
    hardware: Hardware,
) -> float:
    if not incoming:
        return min(ceiling, float(THRESHOLD_MANTISSA_MAX))
    main = max(incoming, key=lambda s: s.weight_values.size)
    weights = main.weight_values
    top = float(np.abs(weights).max(initial=0.0)) / units.get(main.source, 1.0)
    if top == 0:
        return ceiling
    unit = mantissa_max(weights, options.weight_bits) / top
    exponent = floor(log2(ceiling / unit) + 1e-9)
    low, high = exponent_range(options, hardware)
    if exponent < low:
        return ceiling  # the exponent cannot follow: mantissas shrink instead
    return float(unit * 2.0 ** min(exponent, high))
