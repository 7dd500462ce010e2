"""Which node of one network is which node of another: by name, or else by structure.

Structure: both are labelled directed graphs. Colour refinement (1-dimensional Weisfeiler-Leman)
splits the nodes by type, values and neighbourhood until nothing splits further; nodes that it can't
tell apart are fixed one by one, with a bounded search, and the edges decide.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from scipy import sparse

from neurodeploy.ir.network_parts import Edge, Part, Parts

Colours = dict[str, str]
TRIES: Final = 2000  # of the search among symmetrical nodes, before it gives up


def match_by_structure(a: Parts, b: Parts) -> dict[str, str] | None:
    """Every node of `a` to one of `b` such that types and edges agree; None if there is no way.

    Where several nodes could be meant: those with equal parameters, then those with equal names.
    """
    if len(a.nodes) != len(b.nodes) or len(a.edges) != len(b.edges):
        return None
    found = same_network(a, b)
    shared = set(a.nodes) & set(b.nodes)
    for names in (shared, set[str]()) if found is None else ():
        found = _Search(a, b).run(_start(a, False, names), _start(b, False, names))
        if found is not None:
            break
    return found


def same_network(a: Parts, b: Parts) -> dict[str, str] | None:
    """Every node of `a` to one of `b` with the same type, parameters and edges, if there is a way:
    then both are one network under other names."""
    return _Search(a, b).run(_start(a, True, set()), _start(b, True, set()))


class _Search:
    def __init__(self, a: Parts, b: Parts) -> None:
        self.edges_a = Counter((*a.edges, *a.within))
        self.edges_b = Counter((*b.edges, *b.within))
        self.tries = TRIES

    def run(self, a: Colours, b: Colours) -> dict[str, str] | None:
        """A mapping that keeps edges, from colours that must agree."""
        a, b = _refine(a, b, self.edges_a, self.edges_b)
        if Counter(a.values()) != Counter(b.values()):
            return None
        twins = _first_twins(a)
        if twins is None:
            back = {colour: name for name, colour in b.items()}
            mapping = {name: back[colour] for name, colour in a.items()}
            moved = Counter({(mapping[s], mapping[t]): n for (s, t), n in self.edges_a.items()})
            return mapping if moved == self.edges_b else None
        for other in (name for name, colour in b.items() if colour == a[twins]):
            self.tries -= 1
            if self.tries < 0:
                return None
            found = self.run(a | {twins: "fixed"}, b | {other: "fixed"})
            if found is not None:
                return found
        return None


def _first_twins(colours: Colours) -> str | None:
    sizes = Counter(colours.values())
    return next((name for name, colour in colours.items() if sizes[colour] > 1), None)


def _refine(
    a: Colours, b: Colours, edges_a: Mapping[Edge, int], edges_b: Mapping[Edge, int]
) -> tuple[Colours, Colours]:
    classes = len(set(a.values()))
    while True:
        a, b = _round(a, edges_a), _round(b, edges_b)
        if len(set(a.values())) == classes:
            return a, b
        classes = len(set(a.values()))


def _round(colours: Colours, edges: Mapping[Edge, int]) -> Colours:
    into: dict[str, list[str]] = {name: [] for name in colours}
    out: dict[str, list[str]] = {name: [] for name in colours}
    for (source, target), count in edges.items():
        if source in colours and target in colours:
            out[source] += [colours[target]] * count
            into[target] += [colours[source]] * count
    return {n: _digest(c, *sorted(into[n]), "|", *sorted(out[n])) for n, c in colours.items()}


def _start(parts: Parts, exact: bool, names: set[str]) -> Colours:
    return {
        name: _digest(name if name in names else "", *_label(part, exact))
        for name, part in parts.nodes.items()
    }


def _label(part: Part, exact: bool) -> list[str]:
    words = [part.kind]
    for key, value in sorted(part.values.items()):
        words.append(key)
        words.append(_content(value) if exact else str(np.shape(value)))
    return words


def _content(value: Any) -> str:
    if sparse.issparse(value):
        value = sparse.csr_array(value).toarray()
    if value is None or isinstance(value, str):
        return repr(value)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return repr(value)
    array = np.ascontiguousarray(array, dtype=np.float64) + 0.0  # -0 is 0
    return f"{array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()
