"""Where Lava's int32 arithmetic ends: a run beyond it is refused, since Lava would wrap silently.

Lava's ports, buffers and products are int32, a convolution's sum is kept to 24 bits, and the `a_in
<< 6` of a LIF is an int32 as well. (The `np.int16` that Lava declares for a neuron's `a_in` only
types the zeros to which the messages are added: nothing wraps at 16 bits.) The checks use the
messages that were really sent. They are sound after the fact: up to the first step that leaves the
range, all messages are right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.ir.arithmetic import STATE_LIMIT
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.ir.synapses import fixed_sum

Array = np.ndarray[Any, np.dtype[Any]]
SUM_LIMIT = 1 << 31
# leaves room in int32 for what u, v and the bias add to a_in << 6
INPUT_LIMIT = (1 << 31) - (1 << 25)
CHUNK_STEPS = 64


def check_ranges(program: Program, sent: Mapping[str, Array], steps: int) -> None:
    """QuantizationError naming each synapse and population that left Lava's integers.

    sent: outputs of every port and population, `(samples * steps, *shape)`, samples in a row.
    """
    found = []
    for neuron in program.neurons:
        incoming = program.incoming(neuron.name)
        peaks = [_peak_sum(s, sent[s.source], neuron.shape) for s in incoming]
        for synapse, peak in zip(incoming, peaks, strict=True):
            largest = int(peak.max(initial=0)) << max(synapse.weight_exp, 0)
            limit = STATE_LIMIT if synapse.kind.startswith("conv") else SUM_LIMIT
            if largest >= limit:
                found.append(_beyond(f"synapse {synapse.name}", largest, limit))
        limit = _input_limit(neuron, steps)
        largest = _arriving(incoming, peaks)
        if largest >= limit:  # of bounds, perhaps
            exact = [_exact_peak_sum(s, sent[s.source], neuron.shape) for s in incoming]
            largest = _arriving(incoming, exact)
        if largest >= limit:
            found.append(_beyond(f"input of {neuron.name}", largest, limit))
    if found:
        raise QuantizationError(found)


def _arriving(incoming: Sequence[Synapse], peaks: Sequence[Array]) -> int:
    """The largest that may arrive at a neuron of the population in one step."""
    sums = [
        (peak << max(s.weight_exp, 0)) >> max(-s.weight_exp, 0)
        for s, peak in zip(incoming, peaks, strict=True)
    ]
    return int(sum(sums, np.zeros(1, dtype=np.int64)).max(initial=0))


def _input_limit(neuron: Neuron, steps: int) -> int:
    """Below it, what arrives at each step leaves the current within int32.

    u loses 2^24 once a step, so that of an input a << 6 above that the rest adds up:
    (a << 6) + steps * ((a << 6) - 2^24) has to stay below INPUT_LIMIT.
    """
    shift = NEURON_MODELS[neuron.model].input_shift
    if not shift:
        return INPUT_LIMIT
    return (INPUT_LIMIT + steps * 2 * STATE_LIMIT) // (steps + 1) >> shift


def _peak_sum(synapse: Synapse, sent: Array, shape: tuple[int, ...]) -> Array:
    """Per target the largest |sum| before the shift; a bound of it where that is small enough."""
    magnitudes = replace(synapse, weight_exp=0, weights=abs(synapse.weights))
    bound = fixed_sum(magnitudes, np.abs(sent).max(axis=0, initial=0)[None], shape)[0]
    if int(bound.max(initial=0)) << max(synapse.weight_exp, 0) < STATE_LIMIT // 2:
        return bound
    return _exact_peak_sum(synapse, sent, shape)


def _exact_peak_sum(synapse: Synapse, sent: Array, shape: tuple[int, ...]) -> Array:
    plain = replace(synapse, weight_exp=0)
    peak = np.zeros(shape, dtype=np.int64)
    for start in range(0, len(sent), CHUNK_STEPS):
        sums = np.abs(fixed_sum(plain, sent[start : start + CHUNK_STEPS], shape))
        peak = np.maximum(peak, sums.max(axis=0, initial=0))
    return peak


def _beyond(where: str, value: int, limit: int) -> Diagnostic:
    detail = f"sums reach {value}, Lava's CPU simulation wraps at {limit}"
    return Diagnostic(where, "lava-range", detail, "use fewer message bits or a smaller weight_exp")
