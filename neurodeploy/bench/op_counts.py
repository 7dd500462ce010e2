"""Operation counts of an artificial network: plain values, free of torch.

One convention for both sides of every comparison: `CONVENTION`, printed with the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

CONVENTION: Final = "nd-1"
CONVENTION_TEXT: Final = (
    "nd-1: one MAC is one multiplication with its addition; taps that fall on zero padding are not "
    "counted; bias additions, normalisation and pooling are not MACs; dense counts every "
    "connection, effective only nonzero activations on nonzero weights; an effective operation is "
    "an AC (accumulate) where all activations of a sample (or row) are in {-1, 0, 1}, else a MAC; "
    "a synaptic operation is one nonzero message on one nonzero weight in one step."
)


@dataclass(frozen=True)
class LayerOps:
    """Operations of one module and one kind of call, summed over all calls and samples.

    dense_macs: every connection; effective_macs, effective_acs: nonzero activations on nonzero
    weights, with graded and with binary or ternary activations; bias_adds: one per output element;
    outputs: elements produced.
    """

    module: str
    op: str
    calls: int
    dense_macs: int
    effective_macs: int
    effective_acs: int
    bias_adds: int
    outputs: int


@dataclass(frozen=True)
class OpCounts:
    """Counts of a network over `samples` inputs of `passes` forward passes each.

    activations: elements that went through a rectifier (one comparison each);
    uncounted: operations that compute something and are in no count, with their calls.
    """

    convention: str
    samples: int
    passes: int
    layers: tuple[LayerOps, ...]
    activations: int
    uncounted: dict[str, int]

    @property
    def dense_macs(self) -> int:
        """MACs over all samples and passes."""
        return sum(layer.dense_macs for layer in self.layers)

    @property
    def element_adds(self) -> int:
        """Additions and comparisons besides the MACs: biases and rectifiers."""
        return self.activations + sum(layer.bias_adds for layer in self.layers)

    @property
    def effective_macs(self) -> int:
        return sum(layer.effective_macs for layer in self.layers)

    @property
    def effective_acs(self) -> int:
        return sum(layer.effective_acs for layer in self.layers)

    @property
    def macs_per_pass(self) -> Fraction:
        """Dense MACs of one pass on one sample: an integer unless the input's shape varied."""
        return Fraction(self.dense_macs, self.samples * self.passes)
