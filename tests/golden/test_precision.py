"""docs/precision.md says what was measured."""

from __future__ import annotations

import hashlib
import json

from benchmarks.precision_table import RESULT, TABLE, table
from neurodeploy.resources import resource


def test_the_table_is_that_of_the_measured_results() -> None:
    results = json.loads(RESULT.read_text(encoding="utf-8"))
    assert TABLE.read_text(encoding="utf-8") == table(results)


def test_the_results_are_those_of_the_shipped_networks() -> None:
    results = json.loads(RESULT.read_text(encoding="utf-8"))
    assert set(results["networks"]) == {"vad", "digits", "braille"}
    for name, rows in results["networks"].items():
        graph = resource("exports", f"{name}.nir").read_bytes()
        assert rows["identity"]["sha256"] == hashlib.sha256(graph).hexdigest()
