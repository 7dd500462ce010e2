"""JSON Schema of the results file, made from its dataclasses: what a reader may rely on.

`python -m neurodeploy.bench.schema` prints it; the file `results.schema.json` beside this one is
that text, and a test holds the two together.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from neurodeploy.bench.results import SCHEMA, Results

SCHEMA_FILE: Final = Path(__file__).with_name("results.schema.json")
_PLAIN: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}


def json_schema(kind: type = Results, name: str = SCHEMA) -> dict[str, Any]:
    """The schema (draft 2020-12) of what `records.to_json` makes of a `kind`."""
    definitions: dict[str, Any] = {}
    root = _of(kind, definitions)
    definitions[kind.__name__]["properties"]["schema"] = {"const": name}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": name,
        "title": f"{name}: results of a comparison by NeuroDeploy",
        **root,
        "$defs": definitions,
    }


def read_schema() -> dict[str, Any]:
    """The schema as it is shipped."""
    found: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return found


def schema_text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), definitions)
    if origin in (types.UnionType, typing.Union):
        inner = next(a for a in arguments if a is not types.NoneType)
        return {"anyOf": [_of(inner, definitions), {"type": "null"}]}
    if origin is tuple:
        return _sequence(arguments, definitions)
    if origin is dict or origin is Mapping:
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    return {"type": _PLAIN[kind]}


def _record(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": f"#/$defs/{kind.__name__}"}
    if kind.__name__ in definitions:
        return reference
    definitions[kind.__name__] = {}
    hints, fields = typing.get_type_hints(kind), dataclasses.fields(kind)
    definitions[kind.__name__] = {
        "type": "object",
        "description": (kind.__doc__ or "").partition("\n")[0],
        "properties": {f.name: _of(hints[f.name], definitions) for f in fields},
        "required": [f.name for f in fields],
        "additionalProperties": False,
    }
    return reference


def _sequence(kinds: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    if kinds[-1] is Ellipsis:
        return {"type": "array", "items": _of(kinds[0], definitions)}
    items = [_of(kind, definitions) for kind in kinds]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
