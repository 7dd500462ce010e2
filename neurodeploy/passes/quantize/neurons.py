"""Parameters of a population to the chip's integers."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, log2
from typing import Any

import numpy as np

from neurodeploy.ir.arithmetic import (
    BIAS_EXP_MAX,
    BIAS_MANTISSA_MAX,
    DECAY_UNITY,
    DU_OFFSET,
    MANTISSA_SHIFT,
    THRESHOLD_MANTISSA_MAX,
)
from neurodeploy.ir.neurons.s4d import ONE
from neurodeploy.ir.program import Neuron
from neurodeploy.passes.quantize.options import Options

Array = np.ndarray[Any, np.dtype[Any]]
NETX_BIAS_EXP = 6


def fixed_neuron(neuron: Neuron, scale: float, options: Options) -> Neuron:
    """The fixed population, `scale` integers of the weights per real unit of its membrane."""
    if neuron.model == "s4d":
        return _fixed_modes(neuron, scale)
    real = {k: np.asarray(v, dtype=np.float64) for k, v in neuron.params.items()}
    state_scale = scale * (1 << MANTISSA_SHIFT)
    du, dv = rounded_decays(neuron)
    params: dict[str, Any] = {
        "du": du,
        "dv": dv,
        "v_init": np.rint(real["v_init"] * state_scale).astype(np.int64),
    }
    for key in ("vth", "subtract"):
        if key in real:
            params[key] = _rounded(real[key] * scale, 0, THRESHOLD_MANTISSA_MAX)
    params |= _bias(real["bias"] * state_scale, options)
    return replace(neuron, params=params, scale=state_scale)


def rounded_decays(neuron: Neuron) -> tuple[int | Array, int | Array]:
    """du and dv in integers."""
    du, dv = (np.asarray(neuron.params[key], dtype=np.float64) for key in ("du", "dv"))
    return (
        _rounded(du * DECAY_UNITY - DU_OFFSET, 0, DECAY_UNITY - 1),
        _rounded(dv * DECAY_UNITY, 0, DECAY_UNITY - 1),
    )


def _fixed_modes(neuron: Neuron, scale: float) -> Neuron:
    """Of s4d: a and c in Q2.22, c by the power of two that brings it to at most 1."""
    real = {k: np.asarray(v, dtype=np.float64) for k, v in neuron.params.items()}
    top = max(float(np.abs(real[key]).max()) for key in ("c_re", "c_im"))
    exponent = int(np.clip(ceil(log2(top)), -32, 32)) if top > 0 else 0
    shares = {"a_re": 1.0, "a_im": 1.0, "c_re": 2.0**-exponent, "c_im": 2.0**-exponent}
    params: dict[str, Any] = {
        key: np.rint(np.clip(real[key] * share, -1.0, 1.0) * ONE).astype(np.int64)
        for key, share in shares.items()
    }
    return replace(neuron, params=params | {"c_exp": exponent}, scale=scale * (1 << MANTISSA_SHIFT))


def _rounded(values: Array, low: int, high: int) -> int | Array:
    """One integer if all neurons have the same, which is what most chips and formats want."""
    whole = np.clip(np.rint(values), low, high).astype(np.int64)
    return int(whole.flat[0]) if np.ptp(whole) == 0 else whole


def _bias(bias: Array, options: Options) -> dict[str, Any]:
    top = float(np.abs(bias).max())
    exponent = 0
    if options.form == "netx":
        exponent = NETX_BIAS_EXP
    elif top > BIAS_MANTISSA_MAX:
        exponent = min(ceil(log2(top / BIAS_MANTISSA_MAX) - 1e-12), BIAS_EXP_MAX)
    mantissa = np.rint(bias / 2.0**exponent).astype(np.int64)
    return {"bias": np.clip(mantissa, -BIAS_MANTISSA_MAX, BIAS_MANTISSA_MAX), "bias_exp": exponent}
