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
)
from neurodeploy.ir.program import Neuron
from neurodeploy.passes.quantize.options import Options

Array = np.ndarray[Any, np.dtype[Any]]
NETX_BIAS_EXP = 6


def fixed_neuron(neuron: Neuron, scale: float, options: Options) -> tuple[Neuron, float, float]:
    """The fixed population, its largest decay error and its relative threshold error."""
    real = {k: np.asarray(v, dtype=np.float64) for k, v in neuron.params.items()}
    du, dv = float(real["du"].flat[0]), float(real["dv"].flat[0])
    params: dict[str, Any] = {
        "du": int(np.clip(np.rint(du * DECAY_UNITY) - DU_OFFSET, 0, DECAY_UNITY - 1)),
        "dv": int(np.clip(np.rint(dv * DECAY_UNITY), 0, DECAY_UNITY - 1)),
        "v_init": np.rint(real["v_init"] * scale * (1 << MANTISSA_SHIFT)).astype(np.int64),
    }
    decay_error = max(
        abs((params["du"] + DU_OFFSET) / DECAY_UNITY - du), abs(params["dv"] / DECAY_UNITY - dv)
    )
    threshold_error = 0.0
    for key in ("vth", "subtract"):
        if key in real:
            wanted = float(real[key].flat[0]) * scale
            params[key] = int(np.rint(wanted))
            if wanted > 0:
                threshold_error = max(threshold_error, abs(params[key] - wanted) / wanted)
    params |= _bias(real["bias"] * scale * (1 << MANTISSA_SHIFT), options)
    state_scale = scale * (1 << MANTISSA_SHIFT)
    return replace(neuron, params=params, scale=state_scale), decay_error, threshold_error


def _bias(bias: Array, options: Options) -> dict[str, Any]:
    top = float(np.abs(bias).max())
    exponent = 0
    if options.form == "netx":
        exponent = NETX_BIAS_EXP
    elif top > BIAS_MANTISSA_MAX:
        exponent = min(ceil(log2(top / BIAS_MANTISSA_MAX) - 1e-12), BIAS_EXP_MAX)
    mantissa = np.rint(bias / 2.0**exponent).astype(np.int64)
    return {"bias": np.clip(mantissa, -BIAS_MANTISSA_MAX, BIAS_MANTISSA_MAX), "bias_exp": exponent}
