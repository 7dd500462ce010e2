"""What differs between two networks: nodes, edges, parameters, and facts such as dt.

Nodes are matched by name; if the names differ, by structure (see `matching`), and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from scipy import sparse

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.ir.matching import match_by_structure, same_network
from neurodeploy.ir.network_parts import Edge, Part, Parts

Array = np.ndarray[Any, np.dtype[Any]]

# Facts that change what a network computes, and what holds where a file does not state them.
MEANING: Final = {"arithmetic": None, "chip": None, "dt": None, "discretisation": "forward_euler"}


@dataclass(frozen=True)
class ParameterDifference:
    """One parameter of one node. left, right: how it stands there, or the values at `first`.

    differing of `size` elements differ by more than the tolerance, first at multi-index `first`;
    max_abs and max_rel are the largest |a - b| and |a - b| / max(|a|, |b|).
    """

    node: str
    parameter: str
    left: str
    right: str
    size: int = 1
    differing: int = 1
    first: tuple[int, ...] = ()
    max_abs: float = 0.0
    max_rel: float = 0.0


@dataclass(frozen=True)
class NetworkDiff:
    """All of it; node names are the left network's where both have the node.

    matched_by: "names" or "structure"; renamed: (left, right) of nodes that are called differently;
    facts: (key, left, right); remarks change nothing that the network computes.
    """

    matched_by: str
    renamed: tuple[tuple[str, str], ...] = ()
    removed: tuple[tuple[str, str], ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    parameters: tuple[ParameterDifference, ...] = ()
    removed_edges: tuple[Edge, ...] = ()
    added_edges: tuple[Edge, ...] = ()
    facts: tuple[tuple[str, str, str], ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Both compute the same, within the tolerance. Names and remarks do not count."""
        kinds = (self.removed, self.added, self.retyped, self.parameters)
        return not any((*kinds, self.removed_edges, self.added_edges, self.facts))


def diff_networks(a: Parts, b: Parts, *, tolerance: float = 0.0) -> NetworkDiff:
    """Compares two networks. Elements differ if |a - b| > tolerance * max(|a|, |b|).

    Raises ConfigError for a negative tolerance, or for a graph against a Program.
    """
    if not tolerance >= 0:
        raise ConfigError(Diagnostic("tolerance", "range", f"{tolerance!r} is not 0 or more"))
    if a.form != b.form:
        detail = f"a {a.form} against a {b.form}"
        raise ConfigError(Diagnostic("diff", "form", detail, "compile the graph first"))
    if set(a.nodes) != set(b.nodes):
        names = match_by_structure(a, b)
        return _compare(a, b, tolerance, names)
    by_names = _compare(a, b, tolerance, None)
    if by_names.equal or len(a.edges) != len(b.edges):
        return by_names
    names = same_network(a, b)
    return by_names if names is None else _compare(a, b, tolerance, names)


def _compare(a: Parts, b: Parts, tolerance: float, names: dict[str, str] | None) -> NetworkDiff:
    """names: each node of `a` to its node of `b`; None if they are called the same."""
    back = {right: left for left, right in (names or {}).items()}
    b = replace(
        b,
        nodes={back.get(n, n): part for n, part in b.nodes.items()},
        edges=tuple((back.get(s, s), back.get(t, t)) for s, t in b.edges),
    )
    shared = [n for n in a.nodes if n in b.nodes]
    retyped = [n for n in shared if a.nodes[n].kind != b.nodes[n].kind]
    found: list[ParameterDifference] = []
    remarks: list[str] = []
    for name in shared:
        if name not in retyped:
            _compare_values(name, a.nodes[name], b.nodes[name], tolerance, found, remarks)
    facts = list(_compare_facts(a.facts, b.facts, remarks))
    edges_a, edges_b = Counter(a.edges), Counter(b.edges)
    return NetworkDiff(
        matched_by="names" if names is None else "structure",
        renamed=tuple((x, y) for x, y in (names or {}).items() if x != y),
        removed=tuple((n, p.kind) for n, p in a.nodes.items() if n not in b.nodes),
        added=tuple((n, p.kind) for n, p in b.nodes.items() if n not in a.nodes),
        retyped=tuple((n, a.nodes[n].kind, b.nodes[n].kind) for n in retyped),
        parameters=tuple(found),
        removed_edges=tuple((edges_a - edges_b).elements()),
        added_edges=tuple((edges_b - edges_a).elements()),
        facts=tuple(facts),
        remarks=tuple(remarks),
    )


def _compare_facts(
    a: Mapping[str, Any], b: Mapping[str, Any], remarks: list[str]
) -> Iterator[tuple[str, str, str]]:
    if bool(a) != bool(b):
        remarks.append(f"only the {'left' if a else 'right'} one has a manifest")
    for key in sorted({*a, *b}) if a and b else ():
        default = MEANING.get(key)
        left, right = a.get(key, default), b.get(key, default)
        if left == right:
            continue
        if key in MEANING and None not in (left, right):
            yield key, _words(left), _words(right)
        else:
            remarks.append(f"{key}: {_words(left)} | {_words(right)}")


def _compare_values(
    name: str,
    a: Part,
    b: Part,
    tolerance: float,
    found: list[ParameterDifference],
    remarks: list[str],
) -> None:
    for key in {**a.values, **b.values}:
        left, right = a.values.get(key), b.values.get(key)
        if left is None or right is None or isinstance(left, str) or isinstance(right, str):
            if not _same_words(left, right):
                found.append(ParameterDifference(name, key, _words(left), _words(right)))
            continue
        difference = _compare_arrays(name, key, left, right, tolerance)
        if difference is not None:
            found.append(difference)
        elif np.shape(left) != np.shape(right):
            remarks.append(
                f"{name}.{key}: shape {np.shape(left)} | {np.shape(right)}, the values are equal"
            )


def _same_words(left: Any, right: Any) -> bool:
    return left is right or (isinstance(left, str) and isinstance(right, str) and left == right)


def _compare_arrays(
    name: str, key: str, left: Any, right: Any, tolerance: float
) -> ParameterDifference | None:
    """None if no element differs; a missing axis is broadcast, a wrong shape is a difference."""
    a, b = _dense(left), _dense(right)
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
        fits = shape in (a.shape, b.shape) and (a.shape == b.shape or 1 in (a.size, b.size))
    except ValueError:
        fits = False
    if not fits:
        return ParameterDifference(name, key, f"shape {a.shape}", f"shape {b.shape}")
    a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    both_nan = np.isnan(a) & np.isnan(b)
    with np.errstate(invalid="ignore"):
        gap = np.where((a == b) | both_nan, 0.0, np.abs(a - b))
        largest = np.maximum(np.abs(a), np.abs(b))
        wrong = ~(gap <= tolerance * largest)
        relative = np.where(gap > 0, gap / np.where(largest > 0, largest, 1.0), 0.0)
    if not wrong.any():
        return None
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return ParameterDifference(
        node=name,
        parameter=key,
        left=f"{float(a[first]):.9g}",
        right=f"{float(b[first]):.9g}",
        size=int(a.size),
        differing=int(wrong.sum()),
        first=first,
        max_abs=float(np.nan_to_num(gap, nan=np.inf, posinf=np.inf).max()),
        max_rel=float(np.nan_to_num(relative, nan=np.inf, posinf=np.inf).max()),
    )


def _dense(value: Any) -> Array:
    if sparse.issparse(value):
        value = sparse.csr_array(value).toarray()
    return np.asarray(value, dtype=np.float64)


def _words(value: Any) -> str:
    """A parameter or fact in a few words."""
    if value is None:
        return "none"
    if isinstance(value, np.ndarray) and value.size > 4:
        return f"{value.min():.6g}..{value.max():.6g} {value.shape}"
    text = repr(value.tolist() if isinstance(value, np.ndarray) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
