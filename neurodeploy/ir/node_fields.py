"""Fields of one NIR node as a file has them: numbers, whole numbers, text; each problem by name.

Files of every nir version since 2023 are read: parameters as scalars, `(1,)` or one per neuron,
integers where reals are meant, `(1,)` where a number is meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodeploy.errors import Diagnostic
from neurodeploy.ir.hdf5 import Group

Array = np.ndarray[Any, np.dtype[Any]]

LARGEST = 2**31 - 1


@dataclass
class NodeFields:
    """The fields of the node `name` of a type; what is wrong with them goes to `problems`.

    A method returns None after it has noted a problem, or where an optional field is missing.
    """

    name: str
    group: Group
    kind: str
    problems: list[Diagnostic] = field(default_factory=list)

    def problem(self, key: str, rule: str, detail: str, hint: str = "") -> None:
        where = f"node {self.name}.{key}" if key else f"node {self.name}"
        self.problems.append(Diagnostic(where, rule, detail, hint))

    def refuse_others(self, known: tuple[str, ...]) -> None:
        """A field that is not known may change what the node means."""
        # shapes are inferred; early files carry them for every node
        passed = {"type", "metadata", "input_type", "output_type", *known}
        for key in self.group:
            if key not in passed:
                detail = f"{self.kind} has no such field in NIR; it has {', '.join(known)}"
                self.problem(key, "field", detail, "remove it")

    def numbers(self, key: str, *, optional: bool = False) -> Array | None:
        """Real numbers of any shape; integers become float64."""
        value = self.group.get(key)
        if value is None:
            if not optional:
                self.problem(key, "missing", f"the file has no {key}, and {self.kind} needs it")
            return None
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
            self.problem(key, "type", f"is {described(value)}, expected numbers")
            return None
        return value.astype(np.float64) if value.dtype.kind in "biu" else value

    def whole(
        self, key: str, count: int | None, least: int, *, optional: bool = False
    ) -> tuple[int, ...] | None:
        """Integers from `least` up: one or `count` of them (any number where count is None)."""
        values = self.numbers(key, optional=optional)
        if values is None:
            return None
        many = values.ndim > 1 or (count is not None and values.size not in (1, count))
        if many or not _are_whole(values, least):
            found = f"has shape {values.shape}" if many else f"is {self.group[key].tolist()}"
            wanted = {None: "integers", 1: "an integer"}.get(count, f"one or {count} integers")
            self.problem(key, "value", f"{found}, expected {wanted} from {least} up")
            return None
        return tuple(int(n) for n in values.ravel())

    def per_axis(
        self, key: str, axes: int, least: int, *, optional: bool = False
    ) -> tuple[int, ...] | None:
        """`whole`, one for each axis."""
        found = self.whole(key, axes, least, optional=optional)
        return found * axes if found is not None and len(found) == 1 else found

    def one(self, key: str, least: int, default: int | None = None) -> int | None:
        """One integer; `default` where the field is missing and there is one."""
        if default is not None and self.group.get(key) is None:
            return default
        found = self.whole(key, 1, least)
        return found[0] if found else None

    def metadata(self) -> dict[str, Any]:
        value = self.group.get("metadata")
        if value is None:
            return {}
        if not isinstance(value, Group):
            self.problem("metadata", "type", f"is {described(value)}, expected a group")
            return {}
        return _plain(value)


def _are_whole(values: Array, least: int) -> bool:
    return bool(
        np.isfinite(values).all()
        and (values == np.rint(values)).all()
        and (values >= least).all()
        and (values <= LARGEST).all()
    )


def _plain(group: Group) -> dict[str, Any]:
    """A group as nested dicts; scalars as numpy's, which is how nir reads them."""
    return {
        key: _plain(value) if isinstance(value, Group) else _scalar(value)
        for key, value in group.items()
        if value is not None
    }


def _scalar(value: Any) -> Any:
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def described(value: Any) -> str:
    """What a value in a file is, for an error: `text 'abc'`, `a group`, `complex128 numbers`."""
    if isinstance(value, Group):
        return "a group"
    if isinstance(value, str):
        return f"text {value[:40]!r}"
    if isinstance(value, np.ndarray):
        return "several texts" if value.dtype.kind == "O" else f"{value.dtype} numbers"
    return "empty"
