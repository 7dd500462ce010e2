"""What in a graph is allowed and yet likely wrong: gains, time constants, thresholds, dead ends.

Each warning is a Diagnostic; none keeps the graph from running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any, Final

import nir
import numpy as np

from neurodeploy.errors import Diagnostic
from neurodeploy.ir.description import GraphDescription, NodeDescription, Range

SILENT_BELOW: Final = 1e-2  # a gain by which a unit spike moves a membrane by one percent
Warnings = Iterator[Diagnostic]


def graph_warnings(graph: nir.NIRGraph, description: GraphDescription) -> tuple[Diagnostic, ...]:
    """All of them, node by node, those of nested graphs included ("outer.inner")."""
    return tuple(_walk(graph, description, ""))


def common_dt(description: GraphDescription) -> float | None:
    """The dt in seconds at which every neuron has gain 1, which is likely the one that the file's
    producer assumed; None if there is no such dt."""
    found = list(_dts(description))
    low, high = min(found, default=0.0), max(found, default=0.0)
    return low if low > 0 and isfinite(high) and high <= low * (1 + 1e-6) else None


def _dts(description: GraphDescription) -> Iterator[float]:
    for node in description.nodes:
        for gain in node.gains:
            yield from (gain.dt_for_one.low, gain.dt_for_one.high)
    for inner in description.nested.values():
        yield from _dts(inner)


def _walk(graph: nir.NIRGraph, description: GraphDescription, prefix: str) -> Warnings:
    nodes = {str(key): node for key, node in graph.nodes.items()}
    for found in description.nodes:
        where = f"node {prefix}{found.name}"
        for rule in RULES:
            yield from rule(nodes[found.name], found, where)
    yield from _reach(description, prefix)
    for edge in description.edges:
        if edge.recurrent:
            where = f"edge {prefix}{edge.source} -> {prefix}{edge.target}"
            yield Diagnostic(where, "recurrent", "closes a cycle: it delivers one step later")
    for name, inner in description.nested.items():
        yield from _walk(nodes[name], inner, f"{prefix}{name}.")


def _gain(node: Any, found: NodeDescription, where: str) -> Warnings:
    for gain in found.gains:
        one = gain.dt_for_one
        if gain.gain is None or not np.isfinite(one.high):
            if one.low == np.inf:
                yield Diagnostic(where, "gain", f"its input is multiplied by 0 ({gain.into})")
            continue
        hint = f"dt = {_span(one)} s would give gain 1"
        if 0 < gain.gain.high < SILENT_BELOW:
            detail = f"a unit of input adds {_span(gain.gain)} to the {gain.into}"
            yield Diagnostic(where, "small-gain", detail, hint)
        elif gain.gain.low > 1 / SILENT_BELOW:
            detail = f"a unit of input adds {_span(gain.gain)} to the {gain.into}"
            yield Diagnostic(where, "large-gain", detail, hint)
        elif gain.gain.low < 0:
            yield Diagnostic(where, "negative-gain", f"{_span(gain.gain)} of the {gain.into}")


def _step(node: Any, found: NodeDescription, where: str) -> Warnings:
    for tau in found.time_constants:
        if tau.seconds.low <= 0:
            yield Diagnostic(where, "tau", f"{tau.name} = {tau.seconds.low:g} s is not positive")
        elif tau.steps is not None and tau.steps.low < 1 - 1e-6:
            detail = f"{tau.name} = {tau.seconds.low:g} s is {tau.steps.low:.3g} steps"
            yield Diagnostic(where, "dt", detail, "Euler needs dt <= tau")
    steps = found.delay.steps if found.delay is not None else None
    if steps is not None and any(abs(n - round(n)) > 1e-6 for n in (steps.low, steps.high)):
        detail = f"a delay of {_span(steps)} steps is no whole number of them"
        yield Diagnostic(where, "delay", detail)


def _threshold(node: Any, found: NodeDescription, where: str) -> Warnings:
    threshold = getattr(node, "v_threshold", None)
    if threshold is None:
        return
    for key, words in (
        ("v_reset", "a neuron that has fired fires in every step from then on"),
        ("v_leak", "it fires without input"),
    ):
        value = getattr(node, key, None)
        try:
            above = 0 if value is None else int(np.sum(np.asarray(value) >= threshold))
        except ValueError:
            return
        strict = key == "v_leak"
        if above and not (strict and np.all(np.asarray(value) <= threshold)):
            total = np.broadcast(np.asarray(value), np.asarray(threshold)).size
            detail = f"{key} >= v_threshold in {above} of {total}: {words}"
            yield Diagnostic(where, "threshold", detail)


def _weights(node: Any, found: NodeDescription, where: str) -> Warnings:
    weight = found.parameters.get("weight") or found.parameters.get("scale")
    if weight is not None and weight.low == weight.high == 0:
        yield Diagnostic(where, "zero-weights", "all weights are 0: nothing passes")


def _misread(node: Any, found: NodeDescription, where: str) -> Warnings:
    """Shapes that the nir package infers wrongly: its type check then refuses the file."""
    if isinstance(node, nir.NIRGraph):
        return
    for kind, ours in (("input_type", found.in_shape), ("output_type", found.out_shape)):
        stated = getattr(node, kind, None) or {}
        theirs = next((v for v in stated.values() if v is not None), None)
        if theirs is None or ours is None:
            continue
        shape = tuple(int(n) for n in np.ravel(theirs))
        if shape != tuple(ours):
            words = kind.split("_")[0]
            detail = f"the nir package takes its {words} for {shape}, it is {tuple(ours)}"
            yield Diagnostic(where, "nir-shape", detail, "other readers need type_check=False")


def _reach(description: GraphDescription, prefix: str) -> Warnings:
    """Nodes that no Input leads to, and nodes that lead to no Output."""
    after: dict[str, list[str]] = {n.name: [] for n in description.nodes}
    before: dict[str, list[str]] = {n.name: [] for n in description.nodes}
    for edge in description.edges:
        if edge.source in after and edge.target in before:
            after[edge.source].append(edge.target)
            before[edge.target].append(edge.source)
        else:
            where = f"edge {prefix}{edge.source} -> {prefix}{edge.target}"
            yield Diagnostic(where, "dangling-edge", "names a node that is not there")
    inputs = [n.name for n in description.nodes if n.type == "Input"]
    outputs = [n.name for n in description.nodes if n.type == "Output"]
    fed, read = _closure(inputs, after), _closure(outputs, before)
    for node in description.nodes:
        if node.name not in fed:
            yield Diagnostic(f"node {prefix}{node.name}", "unreached", "no Input leads to it")
        elif node.name not in read:
            yield Diagnostic(f"node {prefix}{node.name}", "dead", "it leads to no Output")


def _closure(roots: list[str], after: Mapping[str, list[str]]) -> set[str]:
    found, queue = set(roots), list(roots)
    while queue:
        fresh = [n for n in after[queue.pop()] if n not in found]
        found |= set(fresh)
        queue += fresh
    return found


def _span(values: Range) -> str:
    low, high = f"{values.low:.3g}", f"{values.high:.3g}"
    return low if low == high else f"{low}..{high}"


RULES: Final[tuple[Callable[[Any, NodeDescription, str], Warnings], ...]] = (
    _gain,
    _step,
    _threshold,
    _weights,
    _misread,
)
