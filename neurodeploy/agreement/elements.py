"""Two arrays compared element by element: how many differ, where first, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.errors import Diagnostic, VerificationError

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Difference:
    """What differs in one quantity of one layer between two stages.

    quantity: "spikes", "u", "v" or "output"; compared and differing count elements of `(T, B, N)`;
    first_step, first_sample, first_neuron: where the first difference is (-1 if there is none),
    first_index the neuron in the layer's own shape, first_values the two values there;
    largest, rms: the largest and the root mean square difference, of states in units of the real
    membrane; exact: whether this pair of stages promises equality.
    """

    left: str
    right: str
    layer: str
    quantity: str
    compared: int
    differing: int
    first_step: int
    first_neuron: int
    largest: float
    exact: bool
    first_sample: int = -1
    first_index: tuple[int, ...] = ()
    first_values: tuple[float, ...] = ()
    rms: float = 0.0

    @property
    def agrees(self) -> bool:
        """No element differs, or equality is not what this pair promises."""
        return self.differing == 0 or not self.exact


def difference(
    stages: tuple[str, str],
    layer: str,
    quantity: str,
    arrays: tuple[Array, Array],
    *,
    exact: bool,
    tolerance: float = 0.0,
    scale: float = 1.0,
) -> Difference:
    """Compares two `(T, B, *shape)` arrays; elements differ if |a - b| > tolerance.

    scale: units of the arrays per unit of the real membrane. Raises VerificationError if the shapes
    differ or a value is NaN or infinite.
    """
    a, b = arrays
    if a.shape != b.shape:
        detail = f"{stages[0]} has shape {a.shape}, {stages[1]} {b.shape}"
        raise VerificationError(Diagnostic(f"layer {layer}", "shape", detail))
    gap = np.abs(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64))
    if not np.isfinite(gap).all():
        detail = f"{quantity} of {stages[0]} or {stages[1]} hold NaN or infinite values"
        raise VerificationError(Diagnostic(f"layer {layer}", "finite", detail))
    wrong = gap > tolerance
    step, sample, index = _first(wrong)
    place = (step, sample, *index)
    flat = int(np.ravel_multi_index(index, a.shape[2:])) if index else min(step, 0)
    return Difference(
        left=stages[0],
        right=stages[1],
        layer=layer,
        quantity=quantity,
        compared=int(a.size),
        differing=int(wrong.sum()),
        first_step=step,
        first_neuron=flat,
        largest=float(gap.max(initial=0.0)) / scale,
        exact=exact,
        first_sample=sample,
        first_index=index,
        first_values=() if step < 0 else tuple(float(x[place]) for x in arrays),
        rms=float(np.sqrt(np.mean(gap * gap))) / scale if gap.size else 0.0,
    )


def _first(wrong: Array) -> tuple[int, int, tuple[int, ...]]:
    """Step, sample and index of the first True in `(T, B, *shape)`; -1, -1, () if there is none."""
    if not wrong.any():
        return -1, -1, ()
    step, sample, *index = (int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
    return step, sample, tuple(index)
