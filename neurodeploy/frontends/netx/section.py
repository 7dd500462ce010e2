"""Typed access to the keys of one group of a netx file; errors name the layer and the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.errors import DataError, Diagnostic, UnsupportedPrimitive
from neurodeploy.ir.node_values import size_problem

Array = np.ndarray[Any, np.dtype[Any]]
LARGEST = 1 << 31  # no integer of the format is larger


class Section:
    """A group of the tree that `ir.hdf5.read_tree` gives; `where` names it in errors."""

    def __init__(self, tree: Mapping[str, Any], where: str, notes: list[str]) -> None:
        self._tree = tree
        self.where = where
        self.notes = notes

    def __contains__(self, key: str) -> bool:
        return key in self._tree

    def damaged(self, key: str, detail: str, hint: str = "") -> DataError:
        """The error of a file that breaks the format."""
        return DataError(Diagnostic(f"{self.where}, {key}", "netx-key", detail, hint))

    def unsupported(self, rule: str, detail: str, hint: str = "") -> UnsupportedPrimitive:
        """The error of a network that has no exact Program."""
        return UnsupportedPrimitive(Diagnostic(self.where, rule, detail, hint))

    def section(self, key: str) -> Section:
        value = self._value(key)
        if not isinstance(value, Mapping):
            raise self.damaged(key, "is a dataset, expected a group")
        return Section(value, f"{self.where}, {key}", self.notes)

    def is_group(self, key: str) -> bool:
        return isinstance(self._tree.get(key), Mapping)

    def text(self, key: str) -> str:
        value = np.asarray(self._value(key), dtype=object)
        if value.size != 1 or not isinstance(value.ravel()[0], str):
            raise self.damaged(key, "is no single text")
        return str(value.ravel()[0])

    def integer(self, key: str, default: int | None = None) -> int:
        """One whole number; `default` where the key is missing."""
        if key not in self and default is not None:
            return default
        values = self._whole(key)
        if values.size != 1:
            raise self.damaged(key, f"has {values.size} values, expected one")
        return int(values.ravel()[0])

    def bounded(self, key: str, high: int) -> int:
        """One whole number from 0 to high."""
        value = self.integer(key)
        if not 0 <= value <= high:
            raise self.damaged(key, f"{value} is not within 0..{high}")
        return value

    def flag(self, key: str) -> bool:
        return self.integer(key, 0) != 0

    def shape(self, key: str = "shape") -> tuple[int, ...]:
        """One to three positive numbers."""
        values = tuple(int(value) for value in self._whole(key).ravel())
        if not 1 <= len(values) <= 3 or min(values) < 1:
            detail = f"{list(values[:8])} is no shape of one to three dimensions"
            raise self.damaged(key, detail)
        self.require_size(key, values)
        return values

    def require_size(self, key: str, shape: tuple[int, ...]) -> None:
        """A number in a damaged file must not cost all memory."""
        problem = size_problem(shape)
        if problem:
            raise self.damaged(key, problem[1])

    def pair(self, key: str, default: int) -> tuple[int, int]:
        """Height and width; one number means both."""
        values = self._whole(key).ravel() if key in self else np.array([default])
        if values.size not in (1, 2) or values.min() < 0:
            raise self.damaged(key, f"{values.tolist()} is not one or two numbers >= 0")
        return int(values[0]), int(values[-1])

    def truncated(self, key: str) -> Array:
        """Integers; fractions are cut off toward zero, as lava-dl does with weights and biases."""
        values = self.numbers(key)
        cut = np.trunc(values)
        if (np.abs(cut) > LARGEST).any():
            raise self.damaged(key, f"{np.abs(cut).max():g} is beyond 32 bits")
        if (cut != values).any():
            self.notes.append(f"{self.where}: {key} holds fractions, which lava-dl cuts off")
        return cut.astype(np.int64)

    def numbers(self, key: str) -> Array:
        """Finite numbers of any shape that is not empty."""
        value = self._value(key)
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf" or not value.size:
            raise self.damaged(key, "holds no numbers")
        values = value.astype(np.float64)
        if not np.isfinite(values).all():
            raise self.damaged(key, "holds NaN or infinite values")
        return values

    def _whole(self, key: str) -> Array:
        values = self.numbers(key)
        if (values != np.rint(values)).any() or (np.abs(values) > LARGEST).any():
            raise self.damaged(key, f"{values.ravel()[:4].tolist()} are no 32-bit integers")
        return values.astype(np.int64)

    def _value(self, key: str) -> Any:
        if key not in self._tree:
            raise self.damaged(key, "is missing")
        return self._tree[key]
