"""What other weights do to the membranes of a population, given what the real network sent.

With the messages and spikes of the real run, a membrane before the reset of step t is linear:

    V(t) = sum_j w_j P_j(t) + b Q(t)

P_j: the messages of source j through current and voltage of the real neuron, which its own real
spikes reset. F_j and G are the same through the rounded decays. Weights w' are to give V there:

    error(w') = <(sum_j w'_j F_j + b G - V)^2> + damping |w' - w|^2 = (w' - m)^T H (w' - m) + const

so that they also make up for what rounding did to the decays and, where an exponent is negative,
for the mean of what the floor of each sum loses. Steps count the more the nearer V is to the
threshold. A reset that subtracts leaves the membrane linear and is left out. Where a form for each
neuron costs too much, and for kernels, whose weights many neurons share, all rows have one: mean
decays, no resets, all steps alike, F = P and so m = w.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

DAMPING = 1e-3  # of the mean of H's diagonal: what calibration data does not tell keeps its weight
PRODUCTS = 2e10  # multiplications that H may take
CHUNK = 1e7  # elements of F at a time


@dataclass(frozen=True)
class MembraneError:
    """(w' - m)^T H (w' - m) of weight rows: `rows` of each of `synapses`, side by side, real.

    gram: H, `(n, K, K)`, or `(1, K, K)` for all rows; optimum: m, `(n, K)`, while nothing is lost;
    made_up: what m has to rise by for each real unit that a synapse loses at each step at which
    messages arrive, `(n, K, synapses)`, or None where that is left out.
    """

    synapses: tuple[str, ...]
    rows: slice
    gram: Array
    optimum: Array
    made_up: Array | None = None

    def target(self, lost: Mapping[str, float]) -> Array:
        """m where the synapses lose that much, `(n, K)`."""
        if self.made_up is None:
            return self.optimum
        return self.optimum + self.made_up @ np.array([lost[name] for name in self.synapses])


def damped(gram: Array) -> tuple[Array, Array]:
    """H with a share of its mean diagonal added to it, and that share `(n, 1)`."""
    mean = gram.trace(axis1=1, axis2=2) / gram.shape[1]
    damping = np.where(mean > 0, DAMPING * mean, 1.0)
    return gram + damping[:, None, None] * np.eye(gram.shape[1]), damping[:, None]
