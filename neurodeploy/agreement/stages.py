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


@dataclass(frozen=True)
class Stage:
    """A run: `(T, B, *shape)` per layer, layers named as the Program's populations.

    spikes: what spiking layers send; membranes: real units, 0 at the reset, after the reset.
    """

    name: str
    spikes: Mapping[str, Array]
    membranes: Mapping[str, Array]


@dataclass(frozen=True)
class Comparison:
    """A difference and the arrays in which it was found, in real units and on one time axis.

    slack: by how much two elements may be apart and still count as equal.
    """

    difference: Difference
    left: Array
    right: Array
    slack: float = 0.0


def torch_stage(replayed: Mapping[str, Array], program: Program) -> Stage:
    """What a replay recorded: spikes, membranes, and of a read-out its membrane alone."""
    layers = {n: _shaped(replayed[n], program.shapes[n]) for n in program.order if n in replayed}
    spikes = {n: x for n, x in layers.items() if not program.is_graded(n)}
    membranes = {n: x for n, x in layers.items() if program.is_graded(n)}
    for name in spikes:
        raw = _shaped(replayed.get(f"{name}/v", np.zeros(0)), program.shapes[name])
        if raw.shape[2:] == program.shapes[name]:
            membranes[name] = raw + program.neuron(name).params["v_init"]  # which is -v_reset
    return Stage("torch", spikes, membranes)


def _shaped(values: Array, shape: tuple[int, ...]) -> Array:
    wanted = (*values.shape[:2], *shape)
    return values.reshape(wanted) if values.size == np.prod(wanted) else values


def graph_stage(graph: nir.NIRGraph, run: Interpretation, program: Program) -> Stage:
    """What the graph's nodes sent, and the membrane of each population's nodes."""
    flat = flatten(graph)
    spikes, membranes = {}, {}
    for name in program.order:
        if name not in run.nodes:  # a population of the Program's own, such as a bias
            continue
        if program.is_graded(name):
            membranes[name] = run.nodes[name]
            continue
        spikes[name] = run.nodes[name]
        holder = _membrane(flat, run, name)
        if holder is not None:
            reset = getattr(flat.nodes[holder], "v_reset", None)
            membranes[name] = run.states[f"{holder}/v"] - (0.0 if reset is None else reset)
    return Stage("NIR", spikes, membranes)


def _membrane(flat: nir.NIRGraph, run: Interpretation, name: str) -> str | None:
    """The node that holds a population's membrane: its own, or the one that a Threshold reads."""
    if f"{name}/v" in run.states:
        return name
    sources = [a for a, b in flat.edges if b == name]
    alone = len(sources) == 1 and f"{sources[0]}/v" in run.states
    return str(sources[0]) if alone else None


def program_stage(name: str, trace: Trace) -> Stage:
    """Every probed population of a Program, aligned, its membranes in real units."""
    program = trace.program
    keys = [n for n in program.order if f"{n}/v" in trace.states]
    spikes = {n: trace.real(f"{n}/s") for n in keys if not program.is_graded(n)}
    return Stage(name, spikes, {n: trace.real(f"{n}/v") for n in keys})


def compare(left: Stage, right: Stage, *, exact: bool) -> Iterator[Comparison]:
    """Spikes and membranes of every layer that both know, spikes first."""
    stages = (left.name, right.name)
    for layer in {**left.spikes, **left.membranes}:
        if layer in left.spikes and layer in right.spikes:
            yield _pair(stages, layer, "spikes", left.spikes[layer], right.spikes[layer], exact)
        if layer in left.membranes and layer in right.membranes:
            pair = (left.membranes[layer], right.membranes[layer])
            yield _pair(stages, layer, "v", *pair, exact)


def compare_module(torch: Stage, other: Stage) -> Iterator[Comparison]:
    """`compare` of a module: membranes of spiking layers are measured, nothing is promised of them.

    Some layers state their membrane before the reset, some after it, and some count it from
    elsewhere: it is measured where neither stage spikes, and from v = 0 at the graph's reset.
    """
    for c in compare(torch, other, exact=True):
        d = c.difference
        if d.quantity == "spikes" or d.layer not in torch.spikes:
            yield c
            continue
        silent = (torch.spikes[d.layer] == 0) & (other.spikes[d.layer] == 0)
        left = np.where(silent, c.left, c.right)
        slack = FLOAT_SLACK * float(np.abs(c.right).max(initial=1.0))
        yield _measured((torch.name, other.name), d.layer, (left, c.right), slack)


def _measured(
    stages: tuple[str, str], layer: str, pair: tuple[Array, Array], slack: float
) -> Comparison:
    found = difference(stages, layer, "v", pair, exact=False, tolerance=slack)
    return Comparison(found, *pair, slack)


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


def require_layers(replayed: Mapping[str, Array], program: Program) -> None:
    """VerificationError for a spiking layer that the module does not have: only one side has it."""
    expected = [n.name for n in program.neurons if program.incoming(n.name)]
    missing = [n for n in expected if n not in replayed and not program.is_graded(n)]
    known = ", ".join(replayed)
    if missing:
        detail = f"the module has no such layer; it has {known}"
        hint = "is the graph an export of this module?"
        raise VerificationError(
            [Diagnostic(f"layer {n}", "torch = NIR", detail, hint) for n in missing]
        )


def compare_torch(replayed: Mapping[str, Array], real: Trace) -> tuple[Difference, ...]:
    """torch against the graph's Program: every layer that both know by name, spikes exactly.

    A membrane read-out is compared to 1e-9 of its largest value. Raises VerificationError for a
    spiking layer of the graph that the module does not have.
    """
    require_layers(replayed, real.program)
    graph = program_stage("NIR", real)
    torch = torch_stage(replayed, real.program)
    return tuple(c.difference for c in compare_module(torch, graph))


def compare_rounding(real: Trace, fixed: Trace) -> tuple[Difference, ...]:
    """Real against fixed arithmetic: spikes that rounding moved; membranes of the read-outs."""
    stages = (program_stage("real", real), program_stage("fixed", fixed))
    found = (c.difference for c in compare(*stages, exact=False))
    return tuple(d for d in found if d.quantity == "spikes" or real.program.is_graded(d.layer))


def compare_integers(left: Trace, right: Trace, name: str) -> tuple[Difference, ...]:
    """Two runs of one fixed Program: every integer of u, v and spikes; see `compare_runs`."""
    return tuple(c.difference for c in compare_runs(left, right, name))
