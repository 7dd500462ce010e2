"""A part of a step as a module of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from neurodeploy.frontends.hybrid.stepping import Step


@dataclass(frozen=True)
class Region:
    """`module` takes the values `inputs` in this order and returns `outputs`, one or a tuple."""

    module: fx.GraphModule
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def region(
    step: Step,
    nodes: Collection[fx.Node],
    outputs: Sequence[fx.Node],
    probe: nn.Module | None = None,
) -> Region:
    """The nodes as a module; `probe` is put behind its only output."""
    inside = set(nodes)
    needed: dict[fx.Node, None] = {}
    for node in (n for n in step.network.graph.nodes if n in inside):
        needed.update(dict.fromkeys(n for n in step.sources(node) if n not in inside))
    graph = fx.Graph()
    made = {node: graph.placeholder(node.name) for node in needed}

    def copied(node: fx.Node) -> fx.Node:
        if node not in made:
            made[node] = graph.node_copy(node, copied)
        return made[node]

    for node in step.network.graph.nodes:
        if node in inside:
            copied(node)
    out: list[Any] = [made[n] for n in outputs]
    held: dict[str, Any] = {}
    for node in (n for n in graph.nodes if n.op in ("call_module", "get_attr")):
        target = str(node.target)
        node.target = flat(target)
        held[node.target] = _held(step.network, target)
    if probe is not None:
        held["probe"] = probe
        out = [graph.call_module("probe", (out[0],))]
    graph.output(out[0] if len(out) == 1 else tuple(out))
    module = fx.GraphModule(held, graph)
    names = tuple(n.name for n in needed)
    return Region(module, names, tuple(n.name for n in outputs))


def flat(target: str) -> str:
    """A dotted name as one: containers would be taken for layers of torch."""
    return target.replace(".", "__")


def _held(network: nn.Module, target: str) -> Any:
    """A submodule, parameter or buffer by its dotted name."""
    found: Any = network
    for name in target.split("."):
        found = getattr(found, name)
    return found
