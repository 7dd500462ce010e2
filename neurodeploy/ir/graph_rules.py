"""The rules that every NIR graph keeps. Each check raises all problems that it finds at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import nir

from neurodeploy.errors import Diagnostic, UnsupportedPrimitive, VerificationError
from neurodeploy.ir.dangling import dangling_edges
from neurodeploy.ir.flatten import Passage, stated_shape
from neurodeploy.ir.node_values import value_problems
from neurodeploy.ir.order import walk

Shape = tuple[int, ...]


def check_types(nodes: Mapping[str, nir.NIRNode], known: Collection[str]) -> None:
    unknown = [
        Diagnostic(
            f"node {name}",
            "primitive",
            f"{type(node).__name__} is none of NIR's",
            f"known: {', '.join(known)}",
        )
        for name, node in nodes.items()
        if type(node).__name__ not in known and not isinstance(node, nir.Input | nir.Output)
    ]
    if unknown:
        raise UnsupportedPrimitive(unknown)


def check_edges(nodes: Mapping[str, nir.NIRNode], edges: list[tuple[str, str]]) -> None:
    problems = dangling_edges(nodes, {e for edge in edges for e in edge} - set(nodes), edges)
    for edge in sorted({e for e in edges if edges.count(e) > 1}):
        where = f"edge {edge[0]} -> {edge[1]}"
        hint = "--repair keeps one; a sum of both is a Scale by 2"
        problems.append(Diagnostic(where, "double-edge", "stands twice", hint))
    for kind in (nir.Input, nir.Output):
        if not any(isinstance(n, kind) for n in nodes.values()):
            end = "first" if kind is nir.Input else "last"
            hint = f"add one; --repair does where one node only can be the {end}"
            problems.append(Diagnostic("graph", "ports", f"has no {kind.__name__} node", hint))
    for a, b in edges:
        if isinstance(nodes.get(b), nir.Input):
            problems.append(Diagnostic(f"edge {a} -> {b}", "ports", "leads into an Input"))
        if isinstance(nodes.get(a), nir.Output):
            problems.append(Diagnostic(f"edge {a} -> {b}", "ports", "leads out of an Output"))
    fed = {b for _, b in edges}
    for name, node in nodes.items():
        if name not in fed and not isinstance(node, nir.Input):
            hint = "an edge into it is missing, or it can go"
            problems.append(Diagnostic(f"node {name}", "unreached", "nothing leads to it", hint))
        if isinstance(node, nir.Input) and stated_shape(node) is None:
            hint = "state the shape of one step; --repair takes it from what follows"
            problems.append(Diagnostic(f"node {name}", "shape", "the Input states no shape", hint))
    if problems:
        raise VerificationError(problems)


def check_values(graph: nir.NIRGraph, known: Collection[str]) -> None:
    problems = value_problems(graph, known)
    if problems:
        raise VerificationError(problems)


def check_stated_shapes(
    nodes: Mapping[str, nir.NIRNode],
    passages: tuple[Passage, ...],
    in_shape: Mapping[str, Shape],
    out_shape: Mapping[str, Shape],
) -> None:
    """The shape that an Output, or a port of a nested graph, states is the one that arrives."""
    problems = []
    ports = [(p.name, p.shape, [out_shape[s] for s in p.sources]) for p in passages] + [
        (name, stated_shape(node), [in_shape[name]])
        for name, node in nodes.items()
        if isinstance(node, nir.Output)
    ]
    for name, stated, arriving in ports:
        wrong = sorted({shape for shape in arriving if stated is not None and shape != stated})
        if wrong:
            detail = f"states the shape {stated}, {wrong[0]} arrives"
            hint = "--repair states what arrives"
            problems.append(Diagnostic(f"node {name}", "shape", detail, hint))
    if problems:
        raise VerificationError(problems)


def check_cycles(after: Mapping[str, tuple[str, ...]], breaking: Collection[str]) -> None:
    """A cycle of maps alone is an equation within one moment, which NIR gives no meaning in time.

    breaking: the neurons and the Delays of at least one step.
    """
    _, loops = walk(after, after, breaking)
    if loops:
        hint = "put a neuron or a Delay into it"
        raise VerificationError(
            [
                Diagnostic(f"edge {a} -> {b}", "cycle", "closes a cycle without neurons", hint)
                for a, b in sorted(loops)
            ]
        )
