"""What a snnTorch neuron computes in a step, in the one form that its classes share.

With the input x, and s, what the layer sent in the step before:

    current = syn_decay current + x + feedback(s)     without a syn_decay: x + feedback(s)
    mem     = decay mem + gain current                then the reset
    spk     = graded (mem > threshold)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import nir
import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

ResetForm = Literal["none", "zero", "refractory", "subtract", "subtract-at-once"]
"""none              mem is never reset
zero              mem counts as 0 in the next step, which integrates its input
refractory        mem is 0 in the next step, whatever its input
subtract          the threshold is subtracted in the next step
subtract-at-once  the threshold is subtracted from mem right after the spike
"""


@dataclass(frozen=True)
class Feedback:
    """A layer's own spikes, one step later: `node` without a bias, which acts from step 0 on.

    `mistyped`: nir infers other shapes for the node than torch.
    """

    node: nir.NIRNode
    bias: Array | None = None
    mistyped: bool = False


@dataclass(frozen=True)
class Equation:
    """One value per neuron throughout. `graded` is None for spikes of 1.

    `inhibited`: of those above threshold only the neuron farthest above it spikes.
    """

    decay: Array
    threshold: Array
    reset: ResetForm
    syn_decay: Array | None = None
    gain: Array | None = None
    graded: Array | None = None
    feedback: Feedback | None = None
    inhibited: bool = False
