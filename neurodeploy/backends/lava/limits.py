"""Where Lava's int32 arithmetic ends: a run beyond it is refused, since Lava would wrap silently.

Lava's ports, buffers and products are int32, a convolution's sum is kept to 24 bits, and the `a_in
<< 6` of a LIF is an int32 as well. (The `np.int16` that Lava declares for a neuron's `a_in` only
types the zeros to which the messages are added: nothing wraps at 16 bits.) The checks use the
messages that were really sent. They are sound after the fact: up to the first step that leaves the
range, all messages are right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.ir.arithmetic import STATE_LIMIT
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program, Synapse
from neurodeploy.ir.synapses import fixed_sum

Array = np.ndarray[Any, np.dtype[Any]]
SUM_LIMIT = 1 << 31
# leaves room in int32 for what u, v and the bias add to a_in << 6
INPUT_LIMIT = (1 << 31) - (1 << 25)
CHUNK_STEPS = 64


def check_ranges(program: Program, sent: Mapping[str, Array]) -> None:
    """QuantizationError naming each synapse and population that left Lava's integers.

    sent: outputs of every port and population, `(steps, *shape)`.
    """
    found = []
    for neuron in program.neurons:
        arriving = np.zeros(neuron.shape, dtype=np.int64)
        for synapse in program.incoming(neuron.name):
            peak = _peak_sum(synapse, sent[synapse.source], neuron.shape)
            shifted = peak << max(synapse.weight_exp, 0)
            limit = STATE_LIMIT if synapse.kind.startswith("conv") else SUM_LIMIT
            if shifted.max(initial=0) >= limit:
                found.append(_beyond(f"synapse {synapse.name}", int(shifted.max()), limit))
            arriving += shifted >> max(-synapse.weight_exp, 0)
        limit = INPUT_LIMIT >> NEURON_MODELS[neuron.model].input_shift
        if arriving.max(initial=0) >= limit:
            found.append(_beyond(f"input of {neuron.name}", int(arriving.max()), limit))
    if found:
        raise QuantizationError(found)


def _peak_sum(synapse: Synapse, sent: Array, shape: tuple[int, ...]) -> Array:
    """Per target the largest |sum| before the shift; a bound of it where that is small enough."""
    plain = replace(synapse, weight_exp=0)
    magnitudes = replace(plain, weights=abs(synapse.weights))
    bound = fixed_sum(magnitudes, np.abs(sent).max(axis=0, initial=0)[None], shape)[0]
    if int(bound.max(initial=0)) << max(synapse.weight_exp, 0) < STATE_LIMIT // 2:
        return bound
    peak = np.zeros(shape, dtype=np.int64)
    for start in range(0, len(sent), CHUNK_STEPS):
        sums = np.abs(fixed_sum(plain, sent[start : start + CHUNK_STEPS], shape))
        peak = np.maximum(peak, sums.max(axis=0, initial=0))
    return peak


def _beyond(where: str, value: int, limit: int) -> Diagnostic:
    detail = f"sums reach {value}, Lava's CPU simulation wraps at {limit}"
    return Diagnostic(where, "lava-range", detail, "use fewer message bits or a smaller weight_exp")
