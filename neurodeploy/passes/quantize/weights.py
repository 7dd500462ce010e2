"""Weights to the integers of a synapse memory: mantissas of `weight_bits` and one exponent."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, log2
from typing import Any

import numpy as np

from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Synapse
from neurodeploy.passes.quantize.options import Options

Array = np.ndarray[Any, np.dtype[Any]]


def mantissa_max(weights: Array, bits: int) -> int:
    """Largest magnitude that both signs reach: 256 - step for mixed signs, 256 - step for one."""
    return 256 - step_of(weights, bits)


def step_of(weights: Array, bits: int) -> int:
    """The distance of neighbouring mantissas: the sign of mixed signs costs a bit."""
    return 1 << (8 - bits + int(signs_of(weights) == 2))


def signs_of(weights: Array) -> int:
    return int(np.any(weights > 0)) + int(np.any(weights < 0))


def exponent_range(options: Options, hardware: Hardware) -> tuple[int, int]:
    if options.form == "netx":
        return 0, 0
    return hardware.limit("weight_exp_min"), hardware.limit("weight_exp_max")


def fixed_synapse(
    synapse: Synapse, scale: float, options: Options, hardware: Hardware
) -> tuple[Synapse, float]:
    """Mantissas and exponent of one synapse, and its relative weight error."""
    real = synapse.weight_values * scale
    top = float(np.abs(real).max(initial=0.0))
    low, high = exponent_range(options, hardware)
    exponent = low
    if top > 0:
        exponent = ceil(log2(top / mantissa_max(real, options.weight_bits)) - 1e-9)
        exponent = min(max(exponent, low), high)
    step = step_of(real, options.weight_bits)
    limit = mantissa_max(real, options.weight_bits)
    rounded = step * np.rint(real / 2.0**exponent / step)
    mantissas = np.clip(rounded, -limit, limit).astype(np.int32)
    error = mantissas * 2.0**exponent - real
    power = float(np.sqrt(np.mean(real**2))) if real.size else 0.0
    relative = float(np.sqrt(np.mean(error**2))) / power if power > 0 else 0.0
    fixed = replace(
        synapse,
        weights=with_values(synapse, mantissas),
        weight_exp=exponent,
        num_weight_bits=options.weight_bits,
    )
    return fixed, relative


def with_values(synapse: Synapse, values: Array) -> Any:
    """The synapse's weights, dense or sparse, with other values (flat, as `weight_values`)."""
    if synapse.kind != "sparse":
        return values.reshape(np.shape(synapse.weights))
    matrix = synapse.weights.astype(values.dtype)
    matrix.data = values
    return matrix
