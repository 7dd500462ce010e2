"""inhibition=True: of the neurons above threshold only the one farthest above it fires.

A comparison of every pair says so in standard NIR. With e = mem - threshold, F what would fire
without inhibition, and H the step function, torch.argmax (the first of equals) means for i < j

    b = H(e_j - e_i)           j beats i, else i beats j
    spk_i = H(F_i - sum of b over j > i - sum of (1 - b) over the j < i - 1/2)

The reset takes every neuron above threshold, inhibited or not, and spikes are not graded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

import nir
import numpy as np

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.snntorch.equations import ResetForm
from neurodeploy.frontends.tracer.neuron_layers import Problem

Array = np.ndarray[Any, np.dtype[np.float64]]
Shape = tuple[int, ...]
MOST_NEURONS: Final = 128  # 8,128 pairs, and two dense matrices of a million weights


def pairs(threshold: Array) -> tuple[nir.NIRNode, nir.NIRNode, nir.NIRNode]:
    """Linear: the difference of each pair's membranes; Threshold: b; Affine: minus the defeats."""
    count = len(threshold)
    first, second = np.array([*itertools.combinations(range(count), 2)]).reshape(-1, 2).T
    each = np.arange(len(first))
    differences = np.zeros((len(first), count))
    differences[each, first], differences[each, second] = -1.0, 1.0
    defeats = np.zeros((count, len(first)))
    defeats[first, each], defeats[second, each] = -1.0, 1.0
    return (
        nir.Linear(weight=differences),
        nir.Threshold(threshold=threshold[second] - threshold[first]),
        nir.Affine(weight=defeats, bias=-np.arange(count, dtype=np.float64)),
    )


def inhibition_problem(
    module: Any, where: str, shape: Shape, reset: ResetForm | None
) -> Iterator[Problem]:
    """Why an inhibited layer has no such form; `reset` is None if no node has its membrane."""
    if not module.inhibition:
        return
    hint = "set inhibition=False and retrain"
    if reset == "subtract-at-once":
        detail = "only the neuron that fires is reset, and the others stay above their threshold"
        hint = "use reset_delay=True, or set inhibition=False, and retrain"
    elif reset not in ("none", "subtract"):
        detail = "the largest membrane fires, and no node of this reset's circuit has the membrane"
        hint = "use reset_mechanism='subtract' with reset_delay=True, or set inhibition=False"
    elif len(shape) != 1:
        detail = f"inhibition in a layer of shape {shape}; snnTorch compares along one axis only"
    elif shape[0] > MOST_NEURONS:
        detail = f"each pair of {shape[0]} neurons is compared; {MOST_NEURONS} are the most"
    else:
        return
    loss = "every neuron above its threshold fires (inhibition ignored)"
    yield Problem(Diagnostic(where, "inhibition", detail, hint), loss)
