"""What the fields of a NIR node may hold, so that every rule behind can rely on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import Any, Final

import nir
import numpy as np

from neurodeploy.errors import Diagnostic

Shape = tuple[int, ...]
Problem = tuple[str, str, str]  # rule, detail, hint

OPTIONAL: Final = ("v_reset", "bias", "input_shape", "w_in")
ONE: Final = ("groups", "start_dim", "end_dim")
WHOLE: Final = (*ONE, "stride", "dilation", "kernel_size", "padding", "input_shape")
MOST_ELEMENTS: Final = 1 << 24  # sixteen Loihi 2 chips of a million neurons
LARGEST: Final = 2**31 - 1  # a 32-bit integer: what files of other languages hold


def value_problems(graph: nir.NIRGraph, known: Collection[str]) -> list[Diagnostic]:
    """What is wrong with the fields of any node, those of nested graphs included.

    Of nodes whose type is in `known` and of ports; what others hold is theirs.
    """
    found: list[Diagnostic] = []
    queue: list[tuple[str, nir.NIRGraph]] = [("", graph)]
    seen = set()
    for prefix, level in queue:
        if id(level) in seen:  # flatten refuses it
            continue
        seen.add(id(level))
        for name, node in level.nodes.items():
            if isinstance(node, nir.NIRGraph):
                queue.append((f"{prefix}{name}.", node))
            elif isinstance(node, nir.Input | nir.Output) or type(node).__name__ in known:
                found += _of_node(node, f"node {prefix}{name}")
    return found


def size_problem(shape: Shape, what: str = "") -> Problem | None:
    """A number in a damaged file must not cost all memory."""
    count = prod(shape)
    if count <= MOST_ELEMENTS:
        return None
    detail = f"{what}{shape} are {count:,} elements, a node has up to {MOST_ELEMENTS:,}"
    return "size", detail, ""


def _of_node(node: Any, where: str) -> Iterator[Diagnostic]:
    for key, value in vars(node).items():
        if key in ("input_type", "output_type"):
            problem = _of_type(value, key.removesuffix("_type")) if _states(node, key) else None
            place = where
        elif key == "metadata":
            continue
        else:
            problem, place = _of_value(key, value), f"{where}.{key}"
        if problem is not None:
            yield Diagnostic(place, *problem)


def _states(node: Any, key: str) -> bool:
    """Whether the type is the node's own word; of all other nodes nir derives it."""
    if isinstance(node, nir.Output):
        return key == "output_type"
    return isinstance(node, nir.Input | nir.Flatten) and key == "input_type"


def _of_type(types: Any, side: str) -> Problem | None:
    stated = types.get(side) if isinstance(types, Mapping) else types
    if stated is None:
        return None
    sizes = np.atleast_1d(_as_array(stated))
    numbers = sizes.dtype.kind in "iuf" or sizes.size == 0
    is_shape = isinstance(types, Mapping) and sizes.ndim == 1 and numbers
    if not (is_shape and _are_whole(sizes) and (sizes >= 1).all()):
        shown = sizes.tolist() if sizes.dtype.kind in "iuf" else stated
        return "shape", f"states {str(shown)[:40]}, which is no shape", ""
    return size_problem(tuple(int(n) for n in sizes))


def _of_value(key: str, value: Any) -> Problem | None:
    if value is None:
        return None if key in OPTIONAL else ("missing", "has no value", "")
    if key == "padding" and isinstance(value, str | bytes):
        return None
    array = _as_array(value)
    if array.dtype.kind not in "biuf":
        return "number", f"{str(value)[:40]!r} is no array of numbers", ""
    if not array.size:
        return "empty", "holds no values", ""
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        endless = key.startswith("tau") and not np.isnan(array).any()
        hint = "a membrane that never leaks is an I or IF" if endless else ""
        return "finite", f"{bad} of {array.size} values are NaN or infinite", hint
    if key in ONE and array.size != 1:
        return "number", f"{array.size} values, expected one", ""
    if key in WHOLE and not _are_whole(array):
        detail = f"{array.ravel()[:4].tolist()}, expected whole numbers up to {LARGEST:,}"
        return "whole", detail, ""
    return None


def _as_array(value: Any) -> Any:
    """Of an object's kind where no array can be made of it."""
    try:
        return np.asarray(value)
    except ValueError:  # lists of different lengths
        return np.array(None)


def _are_whole(values: Any) -> bool:
    finite = bool(np.isfinite(values).all())
    return finite and bool((values == np.rint(values)).all() and (np.abs(values) <= LARGEST).all())
