"""Results on disk: one JSON document, named by its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from neurodeploy.bench.records import from_json, to_json
from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.whole_files import write_text

R = TypeVar("R")


def write_document(results: Any, path: str | Path) -> Path:
    """A frozen dataclass of results as a JSON document."""
    text = json.dumps(to_json(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return write_text(Path(path), text)


def read_json(path: Path) -> Any:
    """Any results file; DataError if it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(Diagnostic(path.name, "results-file", str(error))) from error


def read_document(kind: type[R], schema: str, path: str | Path, *, command: str) -> R:
    """The results in a file; DataError for one that is damaged, incomplete or of another schema.

    command: what writes such a file.
    """
    path = Path(path)
    data = read_json(path)
    found = data.get("schema") if isinstance(data, dict) else None
    if found != schema:
        detail = f"schema {found!r} where {schema!r} is read"
        raise DataError(Diagnostic(path.name, "results-schema", detail, f"run `{command}` again"))
    return from_json(kind, data, path.name)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
