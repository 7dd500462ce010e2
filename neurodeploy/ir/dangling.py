"""Edges that name no node, and the node that each of them is likely to mean."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

from neurodeploy.errors import Diagnostic

Edge = tuple[str, str]

CLOSE = 0.8


def likely_names(
    nodes: Collection[str], missing: Iterable[str], edges: Sequence[Edge]
) -> dict[str, str]:
    """For each name in `missing` that points to exactly one node: that node's name.

    Names that differ in case, punctuation or a trailing number come first (`lif` and `lif1`), then
    those that differ in a letter or two, then, if one name is missing and one node is in no edge,
    these two. Nodes that no edge names go before the others. Two names that point to one node point
    nowhere.
    """
    missing = sorted(set(missing))
    named = {end for edge in edges for end in edge}
    alone = [name for name in nodes if name not in named]
    found = {}
    for name in missing:
        one = _likely(name, alone) or _likely(name, nodes)
        if one is None and len(missing) == len(alone) == 1:
            one = alone[0]
        if one is not None:
            found[name] = one
    taken = list(found.values())
    return {name: node for name, node in found.items() if taken.count(node) == 1}


def dangling_edges(
    nodes: Collection[str], missing: Collection[str], edges: Sequence[Edge], path: str = ""
) -> list[Diagnostic]:
    """A line for each edge that has an end in `missing`; `path` stands before all names."""
    likely = likely_names(nodes, missing, edges)
    found = []
    for a, b in edges:
        ends = [end for end in (a, b) if end in missing]
        if ends:
            detail = f"no node is named {', '.join(repr(path + end) for end in ends)}"
            meant = ", ".join(repr(path + likely[end]) for end in ends if end in likely)
            hint = f"did you mean {meant}? --repair renames it" if meant else ""
            found.append(Diagnostic(f"edge {path}{a} -> {path}{b}", "dangling-edge", detail, hint))
    return found


def _likely(name: str, nodes: Collection[str]) -> str | None:
    for form in (_plain, _stem):
        same = [node for node in nodes if form(node) == form(name)]
        if same:
            return same[0] if len(same) == 1 else None
    close = get_close_matches(name, nodes, n=2, cutoff=CLOSE)
    return close[0] if len(close) == 1 else None


def _plain(name: str) -> str:
    """`LIF_1` -> `lif1`"""
    return re.sub(r"[\W_]", "", name.casefold())


def _stem(name: str) -> str:
    """`LIF_1` -> `lif`"""
    return _plain(name).rstrip("0123456789")
