"""Mends what is wrong with a NIR graph where there is one way only to mean it.

Edges that name no node but point to one (the subgraph files of the NIR paper: edges name `lif`, the
node is `lif1`); edges that stand twice; an Input or Output that is missing where one node only can
be the first or last; shapes that an Input, Output, Flatten or convolution states and that its
neighbours contradict (`lif_rockpool.nir`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from math import prod
from typing import Any

import nir
import numpy as np

from neurodeploy.errors import NeurodeployError
from neurodeploy.ir.dangling import likely_names
from neurodeploy.ir.flatten import flattened, stated_shape
from neurodeploy.ir.graph import Primitive, Shape, infer_shapes, neighbours
from neurodeploy.ir.graph_rules import check_edges, check_types
from neurodeploy.ir.node_values import value_problems

Path = tuple[str, ...]


def repair(
    graph: nir.NIRGraph, primitives: Mapping[str, Primitive]
) -> tuple[nir.NIRGraph, tuple[str, ...]]:
    """A mended copy and a line for each thing that was mended; the graph itself if nothing was.

    What has no single meaning is left for the checks to refuse; so is a graph with values that mean
    nothing.
    """
    if value_problems(graph, primitives):
        return graph, ()
    notes: list[str] = []
    mended = _with_edges(graph, "", notes)
    mended = _with_shapes(mended, primitives, notes)
    return (mended, tuple(notes)) if notes else (graph, ())


def _with_edges(graph: nir.NIRGraph, path: str, notes: list[str]) -> nir.NIRGraph:
    """Names, double edges and ports of this graph and those inside it."""
    nodes = {
        str(name): _with_edges(node, f"{path}{name}.", notes)
        if isinstance(node, nir.NIRGraph)
        else copy(node)
        for name, node in graph.nodes.items()
    }
    edges = [(str(a), str(b)) for a, b in graph.edges]
    missing = [end for edge in edges for end in edge if not _is_there(end, nodes)]
    renamed = likely_names(nodes, missing, edges)
    for old, new in renamed.items():
        notes.append(f"edges of {path}{old}: no node has that name, renamed to {path}{new}")
    edges = [(renamed.get(a, a), renamed.get(b, b)) for a, b in edges]
    for a, b in sorted({edge for edge in edges if edges.count(edge) > 1}):
        notes.append(f"edge {path}{a} -> {path}{b}: stood {edges.count((a, b))} times, kept once")
    edges = list(dict.fromkeys(edges))
    _add_ports(nodes, edges, path, notes)
    return nir.NIRGraph(nodes, edges, metadata=graph.metadata, type_check=False)


def _is_there(end: str, nodes: Mapping[str, Any]) -> bool:
    """A node, or a port of a nested graph: `rnn.input`."""
    if end in nodes:
        return True
    splits = [(end[:i], end[i + 1 :]) for i, letter in enumerate(end) if letter == "."]
    return any(
        isinstance(nodes.get(outer), nir.NIRGraph) and inner in nodes[outer].nodes
        for outer, inner in splits
    )


def _add_ports(
    nodes: dict[str, Any], edges: list[tuple[str, str]], path: str, notes: list[str]
) -> None:
    """An Input or Output where there is none and one node only has nothing before or after it."""
    for kind, far in ((nir.Input, 1), (nir.Output, 0)):
        linked = {edge[far] for edge in edges}
        ends = [name for name in nodes if name not in linked]
        if any(isinstance(node, kind) for node in nodes.values()) or len(ends) != 1:
            continue
        side = kind.__name__.lower()
        name = side if side not in nodes else f"{side}_of_graph"
        first = nodes[ends[0]]
        shape = _taken(first, _stated(first)) if kind is nir.Input else None
        nodes[name] = kind({side: None if shape is None else np.array(shape)})
        edges.append((name, ends[0]) if kind is nir.Input else (ends[0], name))
        notes.append(f"node {path}{name}: there was no {kind.__name__}, added at {path}{ends[0]}")


def _with_shapes(
    graph: nir.NIRGraph, primitives: Mapping[str, Primitive], notes: list[str]
) -> nir.NIRGraph:
    """Stated shapes replaced by those that our rules infer; `graph` is a copy and is changed."""
    places = [(".".join(path), node) for path, node in _leaves(graph, ())]
    stated = {name: _stated(node) for name, node in places}
    inputs = [(n, node) for n, node in graph.nodes.items() if isinstance(node, nir.Input)]
    for name, node in places:
        if graph.nodes.get(name) is not node or not isinstance(node, nir.Input):
            _state(node, None)
    shapes = _inferred(graph, primitives)
    if not shapes and _fit_inputs(graph, stated):
        shapes = _inferred(graph, primitives)
    for name, node in inputs:
        if not shapes:
            _state(node, stated[name])
        elif _stated(node) != stated[name]:
            notes.append(_changed(name, stated[name], _stated(node)))
    for name, node in places:
        if isinstance(node, nir.Input) and graph.nodes.get(name) is node:
            continue
        arrives = shapes.get(name)
        if isinstance(node, nir.Conv1d | nir.Conv2d) and arrives is not None:
            arrives = arrives[1:]
        if arrives is not None and _has_stated(node) and arrives != stated[name]:
            notes.append(_changed(name, stated[name], arrives))
        _state(node, stated[name] if arrives is None else arrives)
    return graph


def _changed(name: str, stated: Shape | None, arrives: Shape | None) -> str:
    said = "no shape" if stated is None else f"the shape {stated}"
    return f"node {name}: stated {said}, set to {arrives}"


def _leaves(graph: nir.NIRGraph, path: Path) -> Iterator[tuple[Path, Any]]:
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            yield from _leaves(node, (*path, name))
        else:
            yield (*path, name), node


def _inferred(graph: nir.NIRGraph, primitives: Mapping[str, Primitive]) -> dict[str, Shape]:
    """The shape that arrives at every node and every port of a nested graph; none at all if the
    graph breaks a rule: which, is for the checks to say."""
    try:
        flat, passages = flattened(graph)
        nodes = {str(name): node for name, node in flat.nodes.items()}
        check_types(nodes, primitives)
        check_edges(nodes, flat.edges)
        in_shape, out_shape = infer_shapes(nodes, *neighbours(nodes, flat.edges), primitives)
    except NeurodeployError:
        return {}
    return in_shape | {p.name: out_shape[p.sources[0]] for p in passages if p.sources}


def _fit_inputs(graph: nir.NIRGraph, stated: Mapping[str, Shape | None]) -> bool:
    """Gives each Input the shape that all of its targets take, where that has as many elements as
    the stated one; whether any was changed."""
    try:
        flat = flattened(graph)[0]
    except NeurodeployError:
        return False
    changed = False
    for name, node in graph.nodes.items():
        if not isinstance(node, nir.Input):
            continue
        targets = {_taken(flat.nodes.get(b), stated.get(b)) for a, b in flat.edges if a == name}
        wanted = next(iter(targets)) if len(targets) == 1 else None
        known = stated[name]
        if wanted and wanted != known and (known is None or prod(known) == prod(wanted)):
            _state(node, wanted)
            changed = True
    return changed


def _taken(node: Any, stated: Shape | None) -> Shape | None:
    """The one shape that a node takes, if its parameters say so."""
    if isinstance(node, nir.Affine | nir.Linear):
        return (node.weight.shape[-1],) if node.weight.ndim == 2 else None
    if isinstance(node, nir.Conv1d | nir.Conv2d):
        channels = node.weight.shape[1] * int(node.groups)
        return None if stated is None else (channels, *stated)
    if isinstance(node, nir.Flatten):
        return stated
    for key in ("v_leak", "r", "threshold", "scale", "delay"):
        value = getattr(node, key, None)
        if value is not None:
            return np.shape(value) if np.size(value) > 1 else None
    return None


def _has_stated(node: Any) -> bool:
    kinds = (nir.Input, nir.Output, nir.Flatten, nir.Conv1d, nir.Conv2d)
    return isinstance(node, kinds)


def _stated(node: Any) -> Shape | None:
    """What a node says about the shape that arrives (a convolution: its spatial axes)."""
    if isinstance(node, nir.Conv1d | nir.Conv2d):
        shape = node.input_shape
    elif isinstance(node, nir.Flatten):
        shape = node.input_type["input"]
    elif isinstance(node, nir.Input | nir.Output):
        return stated_shape(node)
    else:
        return None
    return None if shape is None else tuple(int(n) for n in np.atleast_1d(np.asarray(shape)))


def _state(node: Any, shape: Shape | None) -> None:
    """Writes that shape, or none, into the node."""
    value = None if shape is None else np.array(shape, dtype=np.int64)
    if isinstance(node, nir.Conv1d):
        node.input_shape = None if shape is None else shape[0]
    elif isinstance(node, nir.Conv2d):
        node.input_shape = shape
    elif isinstance(node, nir.Flatten | nir.Input):
        node.input_type = {"input": value}
    elif isinstance(node, nir.Output):
        node.output_type = {"output": value}
    else:
        return
    with np.errstate(all="ignore"):
        node.__post_init__()  # nir derives the other types there
