"""A synapse of both signs as two of one sign each, which spend no bit on it: half the rounding.

Loihi's synapses are excitatory, inhibitory or mixed, and a mixed one keeps only every second
mantissa. The halves hold each non-zero weight once, so a chip that stores sparse connections needs
the same memory and the same operations; each half has an exponent of its own. Axons double.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from neurodeploy.ir.program import Program, Synapse


def split_signs(program: Program) -> Program:
    """The same real Program with synapses of one sign: NAME+ and NAME- for NAME, in its place."""
    halves = tuple(half for synapse in program.synapses for half in _halves(synapse))
    return replace(program, synapses=halves)


def _halves(synapse: Synapse) -> tuple[Synapse, ...]:
    values = synapse.weight_values
    if not ((values > 0).any() and (values < 0).any()):
        return (synapse,)
    return tuple(
        replace(
            synapse,
            name=f"{synapse.name}{sign}",
            kind="sparse" if synapse.kind == "dense" else synapse.kind,
            weights=_part(synapse, factor),
        )
        for sign, factor in (("+", 1), ("-", -1))
    )


def _part(synapse: Synapse, factor: int) -> Any:
    """The weights of the sign of `factor`, the others zero or not stored."""
    if synapse.kind in ("conv1d", "conv2d"):
        return np.where(synapse.weights * factor > 0, synapse.weights, 0.0)
    matrix = sparse.csr_array(synapse.weights)
    kept = matrix.multiply(matrix * factor > 0).tocsr()
    kept.eliminate_zeros()
    return kept
