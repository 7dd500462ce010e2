"""The count record: a row per layer and kind of operation, in exact integers, free of torch.

Rows keep apart what conventions add up differently; `CountRecord.convention` says how to add them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Final

from neurodeploy.bench.counting.convention import Convention
from neurodeploy.errors import ConfigError, Diagnostic

TORCH: Final = "torch: operators as they ran, from the module's inputs to its outputs"
NIR: Final = "NIR: connections and neurons of the graph, one step"
PROGRAM: Final = "Program: messages that arrived and updates made, drain of the latency included"


@dataclass(frozen=True)
class ByValue:
    """Nonzero activation times weight, by what the values of a sample (or row) all are.

    binary: 0 and 1; ternary: -1, 0 and 1; integer: integers up to `LARGEST_INTEGER`, each counted
    once; repeated: the same, each counted |n| times; graded: any other.
    """

    binary: int = 0
    ternary: int = 0
    integer: int = 0
    repeated: int = 0
    graded: int = 0

    def __add__(self, other: ByValue) -> ByValue:
        return ByValue(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def acs(self, integers: str) -> int:
        """Accumulations, with small integers as `Convention.integers` says."""
        small = {"acs": self.integer, "macs": 0, "repeated": self.repeated}[integers]
        return self.binary + self.ternary + small

    def macs(self, integers: str) -> int:
        return self.graded + (self.integer if integers == "macs" else 0)

    @property
    def synaptic_operations(self) -> int:
        """Each nonzero value once on each weight, whatever it is."""
        return self.binary + self.ternary + self.integer + self.graded


@dataclass(frozen=True)
class LayerCount:
    """One layer's operations of one kind, over all calls, samples and steps.

    name: the module's path, or the node's or population's name; op: linear, conv, conv_transpose,
    matmul, attention, neuron, batch_norm, norm, pool, activation, softmax, reduction, elementwise;
    shape: of one output, without the batch; parameters, weight_bytes, state_bytes: stored, once.
    inputs, outputs: elements that went in and came out; spikes_in, spikes_out: of them not zero.
    dense_macs: every connection, padding_taps (taps on zero padding) not among them;
    effective: nonzero activations on nonzero weights; zero_weights: nonzero activations on weights
    that are zero. Both are 0 where only shapes were seen.
    multiplies, adds, compares, divisions, functions (exp, tanh, ...): beside the MACs and biases,
    those of neuron updates among them; updates: neurons times steps; state_reads, state_writes:
    values; folds_into: the layer whose weights can take this batch normalisation up; core: of a
    placed Program.
    """

    name: str
    op: str
    calls: int = 0
    shape: tuple[int, ...] = ()
    parameters: int = 0
    weight_bytes: int = 0
    state_bytes: int = 0
    inputs: int = 0
    outputs: int = 0
    spikes_in: int = 0
    spikes_out: int = 0
    dense_macs: int = 0
    padding_taps: int = 0
    effective: ByValue = ByValue()
    zero_weights: ByValue = ByValue()
    bias_adds: int = 0
    multiplies: int = 0
    adds: int = 0
    compares: int = 0
    divisions: int = 0
    functions: int = 0
    updates: int = 0
    state_reads: int = 0
    state_writes: int = 0
    model: str = ""
    folds_into: str = ""
    core: int | None = None

    def dense(self, convention: Convention) -> int:
        """Dense MACs by a convention."""
        padding = self.padding_taps if convention.padding == "in" else 0
        return self.dense_macs + padding + (self.bias_adds if convention.bias == "in" else 0)

    def taken(self, convention: Convention) -> ByValue:
        """Effective operations by a convention, still apart by value."""
        counted = convention.zero_weights == "counted"
        return self.effective + self.zero_weights if counted else self.effective

    def effective_macs(self, convention: Convention) -> int:
        bias = self.bias_adds if convention.bias == "in" else 0
        return self.taken(convention).macs(convention.integers) + bias

    def effective_acs(self, convention: Convention) -> int:
        return self.taken(convention).acs(convention.integers)


@dataclass(frozen=True)
class CountRecord:
    """Counts of a network over `samples` inputs of `steps` steps (or forward passes) each.

    boundary: what is inside the counts; exact_values: False where only shapes were seen, so that
    effective counts and spikes are unknown; uncounted: operations that compute something and are
    in no row, with their calls; zero_weights_known: False where rows do not tell how many messages
    met weights that are zero. Raises ConfigError for a convention that needs to know it.
    """

    convention: Convention
    samples: int
    steps: int
    boundary: str
    layers: tuple[LayerCount, ...]
    exact_values: bool = True
    uncounted: dict[str, int] = field(default_factory=dict)
    zero_weights_known: bool = True

    def __post_init__(self) -> None:
        if self.convention.zero_weights == "counted" and not self.zero_weights_known:
            detail = f"{self.convention.id} counts messages on zero weights, which are not known"
            hint = "count a trace with all populations probed"
            raise ConfigError(Diagnostic("convention zero_weights", "unknown", detail, hint))

    def by(self, convention: Convention) -> CountRecord:
        """The same counts read by another convention; ConfigError if it differs in what was
        decided while counting."""
        for choice in ("means", "unit"):
            if getattr(convention, choice) != getattr(self.convention, choice):
                detail = f"counted by {self.convention.id}, which cannot become {convention.id}"
                where = f"convention {choice}"
                raise ConfigError(Diagnostic(where, "unlike-counts", detail, "count again"))
        return replace(self, convention=convention)

    @property
    def counted(self) -> tuple[LayerCount, ...]:
        """The rows as the convention has them: without batch normalisation that folds away.

        A layer without bias that takes one up gains a bias.
        """
        if self.convention.batch_norm == "run":
            return self.layers
        folded = {row.folds_into: row for row in self.layers if row.folds_into}
        return tuple(
            replace(row, bias_adds=folded[row.name].outputs)
            if row.name in folded and not row.bias_adds and row.dense_macs
            else row
            for row in self.layers
            if not row.folds_into
        )

    @property
    def dense_macs(self) -> int:
        """MACs over all samples and steps, whatever the values are."""
        return sum(row.dense(self.convention) for row in self.counted)

    @property
    def effective_macs(self) -> int:
        """Operations on graded activations, over all samples and steps."""
        return sum(row.effective_macs(self.convention) for row in self.counted)

    @property
    def effective_acs(self) -> int:
        """Operations on spikes (or integers, by convention), over all samples and steps."""
        return sum(row.effective_acs(self.convention) for row in self.counted)

    @property
    def synaptic_operations(self) -> int:
        """Nonzero activations on nonzero weights, each once."""
        return sum(row.taken(self.convention).synaptic_operations for row in self.counted)

    @property
    def bias_adds(self) -> int:
        """Additions of biases; 0 where the convention has them in the MACs."""
        if self.convention.bias == "in":
            return 0
        return sum(row.bias_adds for row in self.counted)

    @property
    def element_adds(self) -> int:
        """Additions and comparisons beside the MACs, biases among them."""
        return self.bias_adds + sum(row.adds + row.compares for row in self.counted)

    @property
    def macs_per_step(self) -> Fraction:
        """Dense MACs of one step on one sample: an integer unless the input's shape varied."""
        return Fraction(self.dense_macs, self.samples * self.steps)
