"""Synapses that differ in nothing but their delays, run as one Lava process.

A layer with a delay per neuron is a synapse per delay in a Program. Lava holds delays per weight,
and every process of it is one of the operating system's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from neurodeploy.ir.netx_weights import fits_memory
from neurodeploy.ir.program import Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
FULL_WIDTH = 8


@dataclass(frozen=True)
class Bundle:
    """Synapses with the same ends and exponent, no two of which hold the same connection."""

    synapses: tuple[Synapse, ...]

    @property
    def first(self) -> Synapse:
        return self.synapses[0]

    def weights(self) -> csr_matrix:
        """Of all synapses, int32."""
        return csr_matrix(sum(matrix(s) for s in self.synapses), dtype=np.int32)

    def delays(self) -> csr_matrix:
        """Lava's delay of every weight that is not 0: one step less than a synapse's."""
        steps = sum((matrix(s) != 0).astype(np.int64) * (s.delay - 1) for s in self.synapses)
        return csr_matrix(steps, dtype=np.int64)


def matrix(synapse: Synapse) -> csr_matrix:
    """The weights that are not 0, int32."""
    weights = csr_matrix(synapse.weights).astype(np.int32)
    weights.eliminate_zeros()
    return weights


def bundles(program: Program) -> list[Bundle]:
    """Every synapse of the Program in one bundle."""
    found: list[Bundle] = []
    groups: dict[tuple[Any, ...], list[Synapse]] = {}
    for s in program.synapses:
        if s.kind in ("dense", "sparse") and s.num_weight_bits == FULL_WIDTH:
            groups.setdefault((s.source, s.target, s.weight_exp), []).append(s)
        else:
            found.append(Bundle((s,)))
    for group in groups.values():
        whole = Bundle(tuple(group))
        found += [whole] if _is_one(whole) else [Bundle((s,)) for s in group]
    return found


def _is_one(bundle: Bundle) -> bool:
    """Whether no connection is held twice, and 8 bits hold all weights under one sign mode."""
    if len(bundle.synapses) == 1:
        return True
    weights = bundle.weights()
    held = sum(matrix(s).nnz for s in bundle.synapses)
    return held == weights.nnz and fits_memory(weights.data)
