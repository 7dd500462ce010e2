"""Where a step is cut: as much on the chip as has neurons, in as few parts as that allows.

A map lies on the chip if all that reads it does (it leads to neurons), or all that it reads does
(what neurons sent is summed there). Values cross only between parts. Parts are levels: a node's is
that of the nodes it reads, one more where it changes sides; what leads to neurons waits for them.
So no part waits for what it makes itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import nir
from torch import fx, nn

from neurodeploy.errors import Diagnostic, NeurodeployError
from neurodeploy.frontends.hybrid.judging import Lower, Verdict, exported, judge
from neurodeploy.frontends.hybrid.regions import Region, flat, region
from neurodeploy.frontends.hybrid.stepping import Shape, Step, trace_step
from neurodeploy.frontends.tracer.signature import Shapes

Reasons = dict[str, tuple[Diagnostic, ...]]


@dataclass(frozen=True)
class ChipRegion:
    """`graph` has an Input for each value of `inputs` and Outputs in the order of `outputs`."""

    name: str
    graph: nir.NIRGraph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class HostRegion:
    """`module` computes one step; reasons: for each node why it is not on the chip."""

    name: str
    module: fx.GraphModule
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[str, ...]
    reasons: Mapping[str, tuple[Diagnostic, ...]]


@dataclass(frozen=True)
class Cut:
    """Regions in an order in which each finds its inputs; values are named as nodes of the step."""

    step: Step
    regions: tuple[ChipRegion | HostRegion, ...]

    @property
    def inputs(self) -> dict[str, Shape]:
        return {n.name: self.step.shapes[n.name] for n in self.step.inputs}

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(n.name for n in self.step.outputs)


def cut(
    module: nn.Module,
    input_shape: Shapes,
    *,
    dt: float,
    lower: Lower,
) -> Cut:
    """The module's step in regions; lower: makes a Program of a graph and dt, or raises why not.

    forward() takes one step `(B, *shape)` and its neurons keep their states. Raises
    UnsupportedLayer for other modules, ConfigError for shapes that forward() does not take.
    """
    step = trace_step(module, input_shape)
    verdicts = judge(step, dt, lower)
    while True:
        found, refused = _regions(step, verdicts, dt, lower)
        if not refused:
            return Cut(step, found)
        verdicts |= {name: Verdict("host", why) for name, why in refused.items()}


def _regions(
    step: Step, verdicts: Mapping[str, Verdict], dt: float, lower: Lower
) -> tuple[tuple[ChipRegion | HostRegion, ...], Reasons]:
    """The regions, and the nodes of those that the chip refuses as a whole."""
    on_chip = _on_chip(step, verdicts)
    groups = _levels(step, on_chip)
    readers = _readers(step)
    regions: list[ChipRegion | HostRegion] = []
    refused: Reasons = {}
    numbers: dict[str, int] = defaultdict(int)
    for (_, chip), nodes in sorted(groups.items()):
        side = "chip" if chip else "host"
        numbers[side] += 1
        name, names = f"{side}{numbers[side]}", tuple(n.name for n in nodes)
        sent = [
            n
            for n in nodes
            if n.name in step.shapes and (n in step.outputs or not readers[n] <= set(nodes))
        ]
        part = region(step, nodes, sent)
        if not chip:
            why = {n: verdicts[n].reasons or (_no_neuron(n),) for n in names}
            regions.append(HostRegion(name, part.module, part.inputs, part.outputs, names, why))
            continue
        try:
            regions.append(_on(step, name, part, names, dt, lower))
        except NeurodeployError as error:
            refused |= _blamed(nodes, error)
    return tuple(regions), refused


def _on(
    step: Step, name: str, part: Region, nodes: tuple[str, ...], dt: float, lower: Lower
) -> ChipRegion:
    several = "all" if len(part.outputs) > 1 else None
    graph = exported(step, part, dt, output=several)
    lower(graph, dt)
    return ChipRegion(name, graph, part.inputs, part.outputs, nodes)


def _no_neuron(name: str) -> Diagnostic:
    return Diagnostic(name, "no-neuron", "leads from the host to the host, past all neurons")


def _blamed(nodes: Sequence[fx.Node], error: NeurodeployError) -> Reasons:
    """The nodes that the diagnostics name, or else all."""
    named: Reasons = {}
    for node in nodes:
        own = tuple(d for d in error.diagnostics if d.where in (node.name, flat(str(node.target))))
        if own:
            named[node.name] = own
    return named or {n.name: error.diagnostics for n in nodes}


def _on_chip(step: Step, verdicts: Mapping[str, Verdict]) -> set[fx.Node]:
    readers = _readers(step)
    found = {n for n in step.computed if verdicts[n.name].kind == "neuron"}
    maps = [n for n in step.computed if verdicts[n.name].kind == "map"]
    for node in reversed(maps):
        if node not in step.outputs and readers[node] and readers[node] <= found:
            found.add(node)
    for node in maps:
        if set(step.sources(node)) <= found:
            found.add(node)
    return found


def _readers(step: Step) -> Mapping[fx.Node, set[fx.Node]]:
    found: dict[fx.Node, set[fx.Node]] = defaultdict(set)
    for node in step.computed:
        for source in step.sources(node):
            found[source].add(node)
    return found


def _levels(step: Step, on_chip: set[fx.Node]) -> dict[tuple[int, bool], list[fx.Node]]:
    """Nodes by level and side, in order."""
    level: dict[fx.Node, int] = {}
    for node in step.computed:
        before = [n for n in step.sources(node) if n in level]
        changes = ((n in on_chip) != (node in on_chip) for n in before)
        level[node] = max((level[n] + c for n, c in zip(before, changes, strict=True)), default=0)
    readers = _readers(step)
    for node in reversed(step.computed):
        if node in on_chip and node not in step.outputs and readers[node] <= on_chip:
            level[node] = max(level[node], min(level[n] for n in readers[node]))
    groups: dict[tuple[int, bool], list[fx.Node]] = defaultdict(list)
    for node in step.computed:
        groups[level[node], node in on_chip].append(node)
    return groups
