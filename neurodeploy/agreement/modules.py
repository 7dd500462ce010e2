"""A module's replay held against a stage of its graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import nir
import numpy as np

from neurodeploy.agreement.elements import Array, Difference, difference
from neurodeploy.agreement.stages import (
    FLOAT_SLACK,
    SPIKING,
    Comparison,
    Stage,
    compare,
    program_stage,
)
from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.ir.flatten import flatten
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace


def torch_stage(replayed: Mapping[str, Array], other: Stage) -> Stage:
    """What a replay recorded of the layers that the other stage knows, as that counts it."""
    spikes = {n: _like(replayed[n], x) for n, x in other.spikes.items() if n in replayed}
    membranes = {}
    for name, known in other.membranes.items():
        raw = replayed.get(f"{name}/v" if name in spikes else name)
        if name not in spikes and raw is not None:
            membranes[name] = _like(raw, known)
        elif raw is not None and raw.size == known.size:
            membranes[name] = _like(raw, known) - other.resets[name]
    return Stage("torch", spikes, membranes, {})


def _like(values: Array, other: Array) -> Array:
    return values.reshape(other.shape) if values.size == other.size else values


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


def require_layers(replayed: Mapping[str, Array], expected: Iterable[str]) -> None:
    """VerificationError for a spiking layer that the module does not have: only one side has it."""
    missing = [n for n in expected if n not in replayed]
    known = ", ".join(replayed)
    if missing:
        detail = f"the module has no such layer; it has {known}"
        hint = "is the graph an export of this module?"
        raise VerificationError(
            [Diagnostic(f"layer {n}", "torch = NIR", detail, hint) for n in missing]
        )


def spiking_populations(program: Program) -> Iterator[str]:
    """Those that something leads to: others are constants of the Program's own."""
    for neuron in program.neurons:
        if program.incoming(neuron.name) and not program.is_graded(neuron.name):
            yield neuron.name


def spiking_layers(graph: nir.NIRGraph, known: Collection[str]) -> Iterator[str]:
    """The nodes that spike, without the inner ones of a `known` layer.

    Those are named LAYER_something, and all that they lead to is the layer or another one of them.
    """
    flat = flatten(graph)
    for name, node in flat.nodes.items():
        targets = {b for a, b in flat.edges if a == name}
        own = (n for n in known if name.startswith(f"{n}_"))
        inner = any(all(t == n or t.startswith(f"{n}_") for t in targets) for n in own)
        if isinstance(node, SPIKING) and not inner:
            yield str(name)


def without_repeats(replayed: Mapping[str, Array], graph: nir.NIRGraph) -> dict[str, Array]:
    """Without what forward() returns where that is a layer's own record, compared there."""
    kept = dict(replayed)
    for name, node in graph.nodes.items():
        sources = [str(a) for a, b in graph.edges if b == name]
        if not isinstance(node, nir.Output) or len(sources) != 1:
            continue
        own, layer = (replayed.get(end) for end in (str(name), sources[0]))
        if own is not None and layer is not None and np.array_equal(own, layer):
            del kept[str(name)]
    return kept


def compare_torch(replayed: Mapping[str, Array], real: Trace) -> tuple[Difference, ...]:
    """torch against the graph's Program: every layer that both know by name, spikes exactly.

    A membrane read-out is compared to 1e-9 of its largest value. Raises VerificationError for a
    spiking layer of the graph that the module does not have.
    """
    require_layers(replayed, spiking_populations(real.program))
    graph = program_stage("NIR", real)
    return tuple(c.difference for c in compare_module(torch_stage(replayed, graph), graph))
