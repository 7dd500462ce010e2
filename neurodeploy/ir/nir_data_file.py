"""NIRData files, as nir's `write_data` and `read_data` have them; they are called `.nir`, too."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import nir
import numpy as np

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.ir.hdf5 import Group, read_tree
from neurodeploy.ir.nir_data import Observable
from neurodeploy.ir.node_fields import described
from neurodeploy.whole_files import require_suffix, write_whole

Array = np.ndarray[Any, np.dtype[Any]]

GRAPH_TYPE = "NIRGraphData"
# Datasets with their axes, and attributes, of each kind of observable.
KINDS: dict[str, tuple[dict[str, int], tuple[str, ...]]] = {
    "TimeGriddedData": ({"data": 3}, ("dt",)),
    "EventData": ({"idx": 2, "time": 2}, ("n_neurons", "t_max")),
    "ValuedEventData": ({"idx": 2, "time": 2, "value": 2}, ("n_neurons", "t_max")),
}


def write_nir_data(path: str | Path, data: nir.NIRGraphData) -> None:
    """Writes NIRData as nir does. Raises ConfigError for a path that cannot be written, and for one
    where a graph stands."""
    path = require_suffix(Path(path), ".nir", "NIRData's file")
    require_no_graph(path)
    write_whole(path, lambda temporary: nir.write_data(temporary, data))


def require_no_graph(path: Path) -> None:
    """ConfigError where a file stands that is not readable NIRData: it may be a graph."""
    if not path.is_file():
        return
    try:
        kind = read_tree(path, what="NIRData file").attrs.get("__type__")
    except DataError:
        kind = None
    if kind != GRAPH_TYPE:
        detail = "a file stands there that holds no NIRData, but maybe a graph"
        raise ConfigError(Diagnostic(str(path), "output", detail, "choose another name"))


def read_nir_data(path: str | Path) -> nir.NIRGraphData:
    """NIRData from a file. Raises DataError with all that is wrong with it."""
    path = Path(path)
    tree = read_tree(path, what="NIRData file")
    if tree.attrs.get("__type__") != GRAPH_TYPE:
        detail = "holds a graph, no recorded data" if "node" in tree else "holds no NIRData"
        raise DataError(Diagnostic(str(path), "nir-data", detail))
    problems: list[Diagnostic] = []
    data = _graph_data(tree, "", problems)
    if problems:
        raise DataError(problems)
    return data


def _graph_data(group: Group, path: str, problems: list[Diagnostic]) -> nir.NIRGraphData:
    nodes: dict[str, Any] = {}
    for name, node in _members(group, "nodes", path or "data", problems):
        inner = f"{path}.{name}" if path else name
        if node.attrs.get("__type__") == GRAPH_TYPE:
            nodes[name] = _graph_data(node, inner, problems)
            continue
        found = {
            key: _observable(value, f"node {inner}.{key}", problems)
            for key, value in _members(node, "observables", f"node {inner}", problems)
        }
        nodes[name] = nir.NIRNodeData({k: v for k, v in found.items() if v is not None})
    return nir.NIRGraphData(nodes)


def _members(
    group: Group, key: str, where: str, problems: list[Diagnostic]
) -> Iterator[tuple[str, Group]]:
    """The groups in the group `key`; anything else is a problem."""
    members = group.get(key)
    found = members.items() if isinstance(members, Group) else ((key, members),)
    for name, member in found:
        if isinstance(members, Group) and isinstance(member, Group):
            yield name, member
        else:
            detail = f"{name} is {described(member)}, expected a group"
            problems.append(Diagnostic(where, "nir-data", detail))


def _observable(group: Group, where: str, problems: list[Diagnostic]) -> Observable | None:
    kind = group.attrs.get("__type__")
    if not isinstance(kind, str) or kind not in KINDS:
        detail = f"is of the type {kind!r}, expected one of {', '.join(KINDS)}"
        problems.append(Diagnostic(where, "nir-data", detail))
        return None
    axes, attributes = KINDS[kind]
    arrays = {key: _array(group.get(key), n, f"{where}.{key}", problems) for key, n in axes.items()}
    numbers = {key: group.attrs.get(key) for key in attributes}
    for key, value in numbers.items():
        if not _is_positive(value):
            detail = f"is {value!r}, expected a positive number"
            problems.append(Diagnostic(f"{where}.{key}", "nir-data", detail))
    shapes = {key: array.shape for key, array in arrays.items() if array is not None}
    if len(set(shapes.values())) > 1:
        problems.append(Diagnostic(where, "shape", f"its fields differ in shape: {shapes}"))
    if problems:
        return None
    if "idx" in arrays and arrays["idx"].dtype.kind not in "iu":  # type: ignore[union-attr]
        problems.append(Diagnostic(f"{where}.idx", "nir-data", "holds no integers"))
        return None
    found: Observable = getattr(nir, kind)(**arrays, **numbers)
    return found


def _is_positive(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and isfinite(value) and value > 0


def _array(value: Any, axes: int, where: str, problems: list[Diagnostic]) -> Array | None:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        problems.append(Diagnostic(where, "nir-data", f"is {described(value)}, expected numbers"))
        return None
    if value.ndim != axes:
        detail = f"has shape {value.shape}, expected {axes} axes"
        problems.append(Diagnostic(where, "nir-data", detail))
        return None
    return value
