"""Frozen dataclasses to JSON and back, checked against their type annotations."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from neurodeploy.errors import DataError, Diagnostic

R = TypeVar("R")


def to_json(value: Any) -> Any:
    """`value` as JSON types; ValueError for a float that JSON cannot hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be written to a results file")
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def from_json(kind: type[R], data: Any, where: str) -> R:
    """A `kind` from what `to_json` wrote; DataError with every place that does not fit."""
    problems: list[Diagnostic] = []
    value = _read(kind, data, where, problems)
    if problems:
        raise DataError(problems)
    return typing.cast(R, value)


def _read(kind: Any, data: Any, where: str, problems: list[Diagnostic]) -> Any:
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _record(kind, data, where, problems)
    if origin in (types.UnionType, typing.Union):
        inner = next(a for a in typing.get_args(kind) if a is not types.NoneType)
        return None if data is None else _read(inner, data, where, problems)
    if origin is tuple:
        return _sequence(typing.get_args(kind), data, where, problems)
    if origin is dict or origin is Mapping:
        item = typing.get_args(kind)[1]
        if not isinstance(data, dict):
            return _wrong("an object", data, where, problems)
        return {k: _read(item, v, f"{where}.{k}", problems) for k, v in data.items()}
    wanted = (int, float) if kind is float else kind
    if not isinstance(data, wanted) or (isinstance(data, bool) and kind is not bool):
        return _wrong(kind.__name__, data, where, problems)
    if isinstance(data, float) and not math.isfinite(data):
        return _wrong("finite", data, where, problems)
    return data


def _record(kind: Any, data: Any, where: str, problems: list[Diagnostic]) -> Any:
    if not isinstance(data, dict):
        return _wrong("an object", data, where, problems)
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    before = len(problems)
    for field in dataclasses.fields(kind):
        place = f"{where}.{field.name}"
        if field.name in data:
            values[field.name] = _read(hints[field.name], data[field.name], place, problems)
        elif field.default is dataclasses.MISSING:
            problems.append(Diagnostic(place, "results-file", "missing"))
    known = {field.name for field in dataclasses.fields(kind)}
    for key in sorted(set(data) - known):
        problems.append(Diagnostic(f"{where}.{key}", "results-file", "unknown key"))
    return None if len(problems) > before else kind(**values)


def _sequence(
    kinds: tuple[Any, ...], data: Any, where: str, problems: list[Diagnostic]
) -> tuple[Any, ...]:
    if not isinstance(data, list):
        _wrong("an array", data, where, problems)
        return ()
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(data)
    if len(kinds) != len(data):
        _wrong(f"an array of {len(kinds)}", data, where, problems)
        return ()
    pairs = enumerate(zip(kinds, data, strict=True))
    return tuple(_read(kind, item, f"{where}[{i}]", problems) for i, (kind, item) in pairs)


def _wrong(wanted: str, data: Any, where: str, problems: list[Diagnostic]) -> None:
    shown = repr(data)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    problems.append(Diagnostic(where, "results-file", f"{shown} is not {wanted}"))
