"""Neighbouring stages of the road, compared layer by layer.

    torch = NIR = real ~ fixed = Lava
torch: the module in float64; NIR: the graph as `ir.interpreter` defines it; real: the Program in
float64; fixed: the Program in the chip's integers; then every other backend that runs those.
`=` promises equality: of every spike, of membranes up to what float64 rounds, of every integer.
`~` is rounding to integers: measured, nothing is promised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import nir
import numpy as np

from neurodeploy.agreement.elements import Array, Difference, difference
from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.ir.flatten import flatten
from neurodeploy.ir.interpreter import Interpretation
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace

FLOAT_SLACK = 1e-9  # of the largest value: float64 rounds by the order of a sum


SPIKING = (nir.IF, nir.LIF, nir.CubaLIF, nir.Threshold)


@dataclass(frozen=True)
class Stage:
    """A run: `(T, B, *shape)` per layer, by the names of the graph's nodes.

    spikes: what spiking layers send; membranes: real units, after the reset, from v = 0 at the
    reset; resets: the v, in the graph's own units, that counts as 0 there.
    """

    name: str
    spikes: Mapping[str, Array]
    membranes: Mapping[str, Array]
    resets: Mapping[str, Array | float]


@dataclass(frozen=True)
class Comparison:
    """A difference and the arrays in which it was found, in real units and on one time axis.

    slack: by how much two elements may be apart and still count as equal.
    """

    difference: Difference
    left: Array
    right: Array
    slack: float = 0.0


def graph_stage(graph: nir.NIRGraph, run: Interpretation, program: Program) -> Stage:
    """What each node sent, and the membrane behind the spikes of those that spike.

    Scaled spikes, and an Output that passes spikes on, count as spikes. A Threshold has the
    membrane that it reads, unless that is a population of the Program by itself.
    """
    flat = flatten(graph)
    before: dict[str, list[str]] = {str(name): [] for name in flat.nodes}
    for a, b in flat.edges:
        before[str(b)].append(str(a))
    spikes, membranes = {}, {}
    resets: dict[str, Array | float] = {}
    for name, sent in run.nodes.items():
        if not _spikes(flat, before, name):
            if program.shapes.get(name, sent.shape[2:]) == sent.shape[2:]:
                membranes[name] = sent  # but for a state space, whose modes have two rows here
            continue
        spikes[name] = sent
        holder = _membrane(before, run, name)
        if holder is not None and (holder == name or holder not in program.shapes):
            reset = getattr(flat.nodes[holder], "v_reset", None)
            resets[name] = 0.0 if reset is None else reset
            membranes[name] = run.states[f"{holder}/v"] - resets[name]
    return Stage("NIR", spikes, membranes, resets)


def _spikes(flat: nir.NIRGraph, before: Mapping[str, list[str]], name: str) -> bool:
    node = flat.nodes[name]
    passes = isinstance(node, nir.Output | nir.Scale) and len(before[name]) == 1
    return isinstance(flat.nodes[before[name][0]] if passes else node, SPIKING)


def _membrane(before: Mapping[str, list[str]], run: Interpretation, name: str) -> str | None:
    """The node that holds a population's membrane: its own, or the one that a Threshold reads."""
    for holder in (name, *(before[name] if len(before[name]) == 1 else ())):
        if f"{holder}/v" in run.states:
            return holder
    return None


def program_stage(name: str, trace: Trace) -> Stage:
    """Every probed population of a Program, aligned, its membranes in real units."""
    program = trace.program
    keys = [n for n in program.order if f"{n}/v" in trace.states]
    spikes = {n: trace.real(f"{n}/s") for n in keys if not program.is_graded(n)}
    neurons = {n: program.neuron(n) for n in spikes}
    resets = {name: -n.params.get("v_init", 0.0) / n.scale for name, n in neurons.items()}
    # what a mode without a turn has of a membrane is y
    held = {n: f"{n}/v" if n in keys else f"{n}/y" for n in program.order}
    membranes = {n: trace.real(key) for n, key in held.items() if key in trace.states}
    return Stage(name, spikes, membranes, resets)


def compare(left: Stage, right: Stage, *, exact: bool) -> Iterator[Comparison]:
    """Spikes and membranes of every layer that both know, spikes first."""
    stages = (left.name, right.name)
    for layer in {**left.spikes, **left.membranes}:
        if layer in left.spikes and layer in right.spikes:
            yield _pair(stages, layer, "spikes", left.spikes[layer], right.spikes[layer], exact)
        if layer in left.membranes and layer in right.membranes:
            pair = (left.membranes[layer], right.membranes[layer])
            yield _pair(stages, layer, "v", *pair, exact)


def _pair(
    stages: tuple[str, str], layer: str, quantity: str, a: Array, b: Array, exact: bool
) -> Comparison:
    slack = 0.0
    if quantity == "v" and exact:
        slack = FLOAT_SLACK * float(np.abs(a).max(initial=1.0))
    found = difference(stages, layer, quantity, (a, b), exact=exact, tolerance=slack)
    return Comparison(found, a, b, slack)


def compare_runs(left: Trace, right: Trace, name: str) -> Iterator[Comparison]:
    """Two runs of one fixed Program: every integer of every recorded state, raw time.

    Raises VerificationError if they did not record the same states.
    """
    if set(left.states) != set(right.states):
        odd = ", ".join(sorted(set(left.states) ^ set(right.states)))
        raise VerificationError(Diagnostic(f"fixed = {name}", "states", f"only one has {odd}"))
    for key in sorted(left.states):
        layer, _, state = key.rpartition("/")
        arrays = (left.states[key], right.states[key])
        quantity = "spikes" if state == "s" else state
        scale = 1.0 if state == "s" else float(left.program.neuron(layer).scale)
        found = difference(("fixed", name), layer, quantity, arrays, exact=True, scale=scale)
        a, b = ((x if scale == 1.0 else x / scale) for x in arrays)
        yield Comparison(found, a, b)


def compare_rounding(real: Trace, fixed: Trace) -> tuple[Difference, ...]:
    """Real against fixed arithmetic: spikes that rounding moved; membranes of the read-outs."""
    stages = (program_stage("real", real), program_stage("fixed", fixed))
    found = (c.difference for c in compare(*stages, exact=False))
    return tuple(d for d in found if d.quantity == "spikes" or real.program.is_graded(d.layer))


def compare_integers(left: Trace, right: Trace, name: str) -> tuple[Difference, ...]:
    """Two runs of one fixed Program: every integer of u, v and spikes; see `compare_runs`."""
    return tuple(c.difference for c in compare_runs(left, right, name))
