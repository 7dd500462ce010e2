"""The equation of a neuron as nodes of standard NIR: one circuit per kind of reset.

none              membrane -> Threshold
zero              LIF or CubaLIF: its membrane is 0 when the next step uses it
subtract          membrane -> Threshold -> Scale(-threshold) -> membrane, one step later
subtract-at-once  After a subtraction snnTorch asks whether mem is still above threshold (q). If so
                  it subtracts from the next membrane before that may spike. With w, mem before
                  its own step's subtraction, thr the threshold and H the step function:
                      w[t] = decay w[t-1] + x[t] - decay thr s[t-1]
                      s[t] = H(w - thr - thr q[t-1]);    q[t] = H(w - thr s[t] - thr)
                  For thr >= 0 the four cases of s and q[t-1] give
                      q[t] = H(w + thr q[t-1] - 2 thr);  s[t] = H(w - thr) + H(w - 2 thr) - q[t]
                  so that s is three Thresholds on w, one of them fed by itself, and their sum.
refractory        The step after a spike is lost, input and all: a LIF that fires and resets, and is
                  forced to fire (unheard) once more in the next step by a weight above any input.
                  With f what the LIF sends:  s[t] = H(f[t] - s[t-1] - 1/2)

Membrane is LI, I, or LI -> LI with a synaptic current. Every cycle is entered at one node, so that
all readers of the graph delay the same edge.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import nir
import numpy as np

from neurodeploy.frontends.snntorch.equations import Equation, ResetForm
from neurodeploy.frontends.snntorch.inhibition import pairs
from neurodeploy.frontends.snntorch.membranes import Membrane, with_current
from neurodeploy.frontends.tracer.neuron_layers import SPIKES, Cell

Array = np.ndarray[Any, np.dtype[np.float64]]
Edge = tuple[str, str]

FORCE_BITS: Final = 40  # the forced reset is 2^40 thresholds strong; float64 has 52 bits


def forcing_weight(threshold: Array) -> float:
    """The weight that makes a LIF fire whatever its input: a power of two, >= 2^40 thresholds."""
    highest = max(1.0, float(np.max(threshold)))
    return float(2.0 ** (FORCE_BITS + np.ceil(np.log2(highest))))


def build(equation: Equation, dt: float, used: frozenset[str]) -> Cell:
    """The nodes of a neuron of this equation; `used` are the ports that something reads.

    Ports: "spk", "syn" if it has a current, "mem" where `membrane_is_readable`.
    """
    return _Circuit(equation, dt, used).cell()


def membrane_is_readable(reset: ResetForm) -> bool:
    """Whether a node of the circuit has the membrane that snnTorch returns."""
    return reset in ("none", "subtract", "subtract-at-once")


@dataclass
class _Circuit:
    """Nodes by suffix: "" gives the spikes, "_fires" all of 1, "_mem" the membrane."""

    equation: Equation
    dt: float
    used: frozenset[str]
    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    late: list[Edge] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)

    def cell(self) -> Cell:
        equation = self.equation
        entry = self.merged() if self.is_mergeable else self.separate()
        RESETS[equation.reset](self)
        if equation.inhibited:
            self.only_the_largest()
        elif equation.graded is not None:
            self.add("", nir.Scale(scale=equation.graded), self.fires)
        self.ports[SPIKES] = ""
        if equation.feedback is not None:
            self.add("_recurrent", equation.feedback.node, "")
            self.late.append(("_recurrent", entry))
        return _trimmed(self, entry)

    @property
    def fires(self) -> str:
        """The node that spikes with 1 where the membrane is above threshold."""
        plain = self.equation.graded is None and not self.equation.inhibited
        return "" if plain else "_fires"

    @property
    def is_mergeable(self) -> bool:
        """Whether one node can be current and membrane: nothing reads or feeds one of them."""
        equation = self.equation
        plain = equation.reset in ("none", "zero") and equation.feedback is None
        return plain and equation.syn_decay is not None and "syn" not in self.used

    def add(self, suffix: str, node: nir.NIRNode, *sources: str) -> str:
        self.nodes[suffix] = node
        self.edges += [(source, suffix) for source in sources]
        return suffix

    def subtract(self, amount: Array) -> None:
        """From the membrane, one step after a spike; the membrane's gain is undone."""
        gain = self.equation.gain
        self.add("_reset", nir.Scale(scale=-amount if gain is None else -amount / gain), self.fires)
        self.late.append(("_reset", "_mem"))

    def only_the_largest(self) -> None:
        half = np.full_like(self.equation.threshold, 0.5)
        differences, beats, defeats = pairs(self.equation.threshold)
        self.add("_pairs", differences, "_mem")
        self.add("_beats", beats, "_pairs")
        self.add("_defeats", defeats, "_beats")
        self.add("", nir.Threshold(threshold=half), self.fires, "_defeats")

    def merged(self) -> str:
        equation = self.equation
        assert equation.syn_decay is not None
        threshold = equation.threshold if equation.reset == "zero" else None
        node = with_current(equation.syn_decay, equation.decay, self.dt, threshold)
        return self.add(self.fires if equation.reset == "zero" else "_mem", node)

    def separate(self) -> str:
        """The current, if there is one, and the membrane, which spikes if its reset is to 0."""
        equation = self.equation
        bias = equation.feedback.bias if equation.feedback is not None else None
        membrane = Membrane(equation.decay, equation.gain, bias)
        sources: tuple[str, ...] = ()
        if equation.syn_decay is not None:
            current = Membrane(equation.syn_decay, bias=bias).integrator(self.dt)
            sources = (self.add("_syn", current),)
            self.ports["syn"] = "_syn"
            membrane = Membrane(equation.decay, equation.gain)
        if equation.reset in ("zero", "refractory"):
            name = self.fires if equation.reset == "zero" else "_mem"
            self.add(name, membrane.spiking(equation.threshold, self.dt), *sources)
        else:
            name = self.add("_mem", membrane.integrator(self.dt), *sources)
        return sources[0] if sources else name


def _none(c: _Circuit) -> None:
    c.add(c.fires, nir.Threshold(threshold=c.equation.threshold), "_mem")
    c.ports["mem"] = "_mem"


def _zero(c: _Circuit) -> None:
    """The membrane node itself."""


def _subtract(c: _Circuit) -> None:
    _none(c)
    c.subtract(c.equation.threshold)


def _subtract_at_once(c: _Circuit) -> None:
    threshold = c.equation.threshold
    one, half = np.ones_like(threshold), np.full_like(threshold, 0.5)
    c.add("_above", nir.Threshold(threshold=threshold), "_mem")
    c.add("_double", nir.Threshold(threshold=2.0 * threshold), "_mem")
    c.add("_still", nir.Threshold(threshold=2.0 * threshold), "_mem")
    c.add("_owed", nir.Scale(scale=threshold), "_still")
    c.late.append(("_owed", "_still"))
    c.add("_minus", nir.Scale(scale=-one), "_still")
    c.add(c.fires, nir.Threshold(threshold=half), "_above", "_double", "_minus")
    c.subtract(c.equation.decay * threshold)
    if "mem" in c.used:
        c.add("_taken", nir.Scale(scale=-threshold), c.fires)
        c.ports["mem"] = c.add("_left", nir.Scale(scale=one), "_mem", "_taken")


def _refractory(c: _Circuit) -> None:
    threshold = c.equation.threshold
    weight = forcing_weight(threshold)
    c.add(c.fires, nir.Threshold(threshold=np.full_like(threshold, 0.5)), "_mem")
    c.add("_mask", nir.Scale(scale=-np.ones_like(threshold)), c.fires)
    c.add("_force", nir.Scale(scale=np.full_like(threshold, weight)), c.fires)
    c.late += [("_mask", c.fires), ("_force", "_mem")]


RESETS: Final[Mapping[ResetForm, Callable[[_Circuit], None]]] = {
    "none": _none,
    "zero": _zero,
    "refractory": _refractory,
    "subtract": _subtract,
    "subtract-at-once": _subtract_at_once,
}


def _trimmed(c: _Circuit, entry: str) -> Cell:
    """Without nodes that lead to nothing that is read. "" is the spikes, or else what is read."""
    ports = {name: c.ports[name] for name in sorted(c.used) if name in c.ports}
    edges = [*c.edges, *c.late]
    kept = set(ports.values())
    while more := {a for a, b in edges if b in kept} - kept:
        kept |= more
    new = {name: name for name in c.nodes if name in kept}
    if SPIKES not in ports and ports:
        new |= {"": "_spikes"} if "" in kept else {}
        new[next(iter(ports.values()))] = ""
    return Cell(
        nodes={new[name]: node for name, node in c.nodes.items() if name in kept},
        entry=new[entry],
        ports={port: new[name] for port, name in ports.items()},
        edges=tuple((new[a], new[b]) for a, b in c.edges if a in kept and b in kept),
        feedback=tuple((new[a], new[b]) for a, b in c.late if a in kept and b in kept),
        notes=tuple(_notes(c.equation, kept)),
    )


def _notes(equation: Equation, kept: Collection[str]) -> Iterator[str]:
    if "_force" in kept:
        weight = forcing_weight(equation.threshold)
        yield (
            f"the step after a spike is lost, as in snnTorch, through a weight of {weight:g}: "
            "exact while a step's input leaves the membrane above the threshold minus that"
        )
    if equation.feedback is not None and equation.feedback.mistyped and "_recurrent" in kept:
        yield "nir 1.0.8 infers wrong shapes for the recurrent Conv2d: read with type_check=False"
