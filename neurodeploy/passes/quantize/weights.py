"""Weights to the integers of a synapse memory: mantissas of some bits and one exponent.

The sign mode follows from the weights: a synapse of both signs spends a bit on them, so that its
mantissas are the multiples of 2^(9 - bits) in -256..255; one of a single sign has those of
2^(8 - bits) in 0..255 or -255..0. Weights round to the nearest, halves to even, which is unbiased.
The chip's own roundings are not: a negative exponent floors each sum, decays go toward zero. The
exponent is the one with the smallest squared error; it may cut the largest weights off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Any

import numpy as np

from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Synapse
from neurodeploy.passes.quantize.options import Options

Array = np.ndarray[Any, np.dtype[Any]]

CUTS = 2  # exponents that are tried below the one that cuts nothing off
SAMPLE = 1 << 18  # weights that an exponent is chosen by


@dataclass(frozen=True)
class Mantissas:
    """The integers that a synapse memory holds: multiples of `step` from `low` to `high`."""

    step: int
    low: int
    high: int

    @classmethod
    def of(cls, weights: Array, bits: int) -> Mantissas:
        """What `bits` hold of weights with these signs."""
        signs = signs_of(weights)
        step = 1 << (8 - bits + (signs == 2))
        low = 0 if not (weights < 0).any() else -256 if signs == 2 else step - 256
        return cls(step, low, 256 - step if (weights > 0).any() else 0)

    def nearest(self, values: Array) -> Array:
        return np.clip(self.step * np.rint(values / self.step), self.low, self.high)

    def reach(self, values: Array) -> float:
        """By what factor the values exceed the range; 0 for zeros."""
        above = float(values.max(initial=0.0)) / self.high if self.high else 0.0
        below = float(values.min(initial=0.0)) / self.low if self.low else 0.0
        return max(above, below)


@dataclass(frozen=True)
class WeightError:
    """relative: root mean square of the error over that of the weights; cut: the number of weights
    more than half a step beyond the range."""

    relative: float
    cut: int


def signs_of(weights: Array) -> int:
    return int(np.any(weights > 0)) + int(np.any(weights < 0))


def reach(weights: Array, bits: int) -> float:
    """By what factor real weights exceed the mantissas of so many bits."""
    return Mantissas.of(weights, bits).reach(weights)


def exponent_range(options: Options, hardware: Hardware) -> tuple[int, int]:
    if options.form == "netx":
        return 0, 0
    return hardware.limit("weight_exp_min"), hardware.limit("weight_exp_max")


def fixed_synapse(synapse: Synapse, scale: float, bits: int, exponents: tuple[int, int]) -> Synapse:
    """One synapse in integers, `scale` of them per real weight, each the nearest."""
    real = synapse.weight_values * scale
    held = Mantissas.of(real, bits)
    exponent = _exponent(real, held, exponents)
    mantissas = held.nearest(real / 2.0**exponent)
    return replace(
        synapse,
        weights=with_values(synapse, mantissas.astype(np.int32)),
        weight_exp=exponent,
        num_weight_bits=bits,
    )


def weight_error(real: Synapse, fixed: Synapse, scale: float) -> WeightError:
    """What rounding did to a synapse, `scale` integers per real weight."""
    wanted = real.weight_values * (scale / 2.0**fixed.weight_exp)
    held = Mantissas.of(wanted, fixed.num_weight_bits)
    error, power = (_root_mean_square(values) for values in (fixed.weight_values - wanted, wanted))
    beyond = (wanted > held.high + held.step / 2) | (wanted < held.low - held.step / 2)
    return WeightError(error / power if power else 0.0, int(beyond.sum()))


def _exponent(real: Array, held: Mantissas, exponents: tuple[int, int]) -> int:
    low, high = exponents
    reach = held.reach(real)
    if reach == 0:
        return low
    whole = ceil(log2(reach) - 1e-9)
    tried = sorted({min(max(whole - cut, low), high) for cut in range(CUTS + 1)}, reverse=True)
    sample = real[:: max(1, real.size // SAMPLE)]

    def error(exponent: int) -> float:
        wanted = sample / 2.0**exponent
        return _root_mean_square(held.nearest(wanted) - wanted) * 2.0**exponent

    return min(tried, key=error) if len(tried) > 1 else tried[0]


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def with_values(synapse: Synapse, values: Array) -> Any:
    """The synapse's weights, dense or sparse, with other values (flat, as `weight_values`)."""
    if synapse.kind != "sparse":
        return values.reshape(np.shape(synapse.weights))
    matrix = synapse.weights.astype(values.dtype)
    matrix.data = values
    return matrix


def weight_rows(synapse: Synapse) -> Array:
    """The weights as a matrix: a row for each output, or for each output channel of a kernel."""
    if synapse.kind == "sparse":
        return np.asarray(synapse.weights.toarray(), dtype=np.float64)
    return np.asarray(synapse.weights, dtype=np.float64).reshape(len(synapse.weights), -1)


def flat_weights(synapse: Synapse, rows: Array) -> Array:
    """A matrix like `weight_rows`, flat as `weight_values`."""
    if synapse.kind != "sparse":
        return rows.ravel()
    matrix = synapse.weights
    return rows[np.repeat(np.arange(len(rows)), np.diff(matrix.indptr)), matrix.indices]
