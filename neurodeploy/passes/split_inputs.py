"""More inputs than a core has axons: summed in parts, which travel on as graded messages.

A synapse from M sources to N neurons becomes one to K x N neurons without memory, of which each
sums one of K parts of the sources, and one that adds up the K sums. The exponent stays with the
second, so that there is one shift of one sum, as before. A memoryless sum is an `s4d` neuron with
a = 0 and c = 1, which is exact up to |sum| < 2^17: parts are so small that no input goes beyond.
In hardware time the sums take a step, as every population does.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any, Final

from scipy import sparse

from neurodeploy.errors import Diagnostic, ResourceError
from neurodeploy.hardware import Hardware
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.neurons.s4d import ONE
from neurodeploy.ir.program import Neuron, Program, Synapse, forward_synapses
from neurodeploy.ir.synapses import fan_in

SUM_MAX: Final = (1 << 17) - 1


def split_inputs(program: Program, hardware: Hardware) -> Program:
    """The same Program, real or fixed and not yet retimed, with no neuron of more inputs than
    `hardware` has axons on a core; as it is where it has none or the chip sends bare spikes.

    Dense and sparse forward synapses are split. Raises ResourceError for sums that no part keeps
    within 2^17.
    """
    if not {"message_bits", "input_axons_per_core"} <= hardware.limits.keys():
        return program
    most = hardware.limit("input_axons_per_core")
    forward = {s.name for s in forward_synapses(program)}
    neurons, synapses = list(program.neurons), []
    for synapse in program.synapses:
        incoming = program.incoming(synapse.target)
        inputs = [fan_in(program, s) for s in incoming]
        share = max(1, most // len(incoming))
        if sum(inputs) <= most or fan_in(program, synapse) <= share or synapse.geometry:
            synapses.append(synapse)
            continue
        if synapse.name not in forward:
            synapses.append(synapse)
            continue
        sums, *both = _in_parts(program, synapse, share)
        neurons.append(sums)
        synapses += both
    if len(neurons) == len(program.neurons):
        return program
    return replace(program, neurons=tuple(neurons), synapses=tuple(synapses))


def _in_parts(program: Program, synapse: Synapse, most: int) -> tuple[Neuron, Synapse, Synapse]:
    """The neurons that sum, the synapse into them and the one from them."""
    fixed = program.arithmetic == "fixed"
    target = program.neuron(synapse.target)
    weights = sparse.csc_array(synapse.weights)
    cuts = _cuts(program, synapse, weights, most)
    parts = len(cuts) - 1
    inside = [_columns(weights, a, b) for a, b in pairwise(cuts)]
    ones = sparse.eye_array(target.size, dtype=weights.dtype, format="csr")
    one = ONE if fixed else 1.0
    params: dict[str, Any] = {"a_re": 0, "a_im": 0, "c_re": one, "c_im": 0}
    params |= {"c_exp": 0} if fixed else {}
    name = f"{synapse.name}.sums"
    scale = target.scale / 2.0**synapse.weight_exp
    sums = Neuron(name, (parts, target.size), "s4d", params, scale=scale)
    into = sparse.csr_array(sparse.vstack(inside))
    onward = sparse.csr_array(sparse.hstack([ones] * parts))
    return (
        sums,
        replace(synapse, target=name, kind="sparse", weights=into, weight_exp=0),
        Synapse(
            f"{name}->{target.name}",
            name,
            target.name,
            "sparse",
            onward,
            weight_exp=synapse.weight_exp,
        ),
    )


def _columns(weights: sparse.csc_array, start: int, stop: int) -> sparse.csr_array:
    """The matrix with all but some of its columns empty."""
    kept = sparse.csr_array(weights[:, start:stop])
    shape = (weights.shape[0], weights.shape[1])
    return sparse.csr_array((kept.data, kept.indices + start, kept.indptr), shape=shape)


def _cuts(program: Program, synapse: Synapse, weights: sparse.csc_array, most: int) -> list[int]:
    """Where the sources are cut, so that no part has more than `most` and no sum is too large."""
    columns = prod(program.shapes[synapse.source])
    largest = _largest_message(program, synapse.source)
    for parts in range(-(-columns // most), columns + 1):
        size = -(-columns // parts)
        cuts = [*range(0, columns, size), columns]
        if program.arithmetic == "real":
            return cuts
        sums = (abs(weights[:, a:b]).sum(axis=1).max() for a, b in pairwise(cuts))
        if largest * max(sums) <= SUM_MAX:
            return cuts
    detail = f"messages of up to {largest:,} times weights exceed sums of {SUM_MAX:,}"
    raise ResourceError(
        Diagnostic(f"synapse {synapse.name}", "partial-sums", detail, "use fewer input bits")
    )


def _largest_message(program: Program, source: str) -> int:
    for port in program.inputs:
        if port.name == source:
            low, high = port.limits
            return max(-low, high)
    graded = NEURON_MODELS[program.neuron(source).model].graded
    return 1 << 23 if graded else 1
