"""docs/precision.md, docs/recurrent.md and exports/README.md say what was measured."""

from __future__ import annotations

import hashlib
import json
import re

from benchmarks import recurrent_table
from benchmarks.precision_table import RESULT, TABLE, table
from neurodeploy.resources import resource, resource_names


def test_the_table_is_that_of_the_measured_results() -> None:
    results = json.loads(RESULT.read_text(encoding="utf-8"))
    assert TABLE.read_text(encoding="utf-8") == table(results)


def test_the_recurrent_table_is_that_of_the_measured_results() -> None:
    results = json.loads(recurrent_table.RESULT.read_text(encoding="utf-8"))
    made = recurrent_table.table(results)
    assert recurrent_table.TABLE.read_text(encoding="utf-8") == made


def test_the_results_are_those_of_the_shipped_networks() -> None:
    results = json.loads(RESULT.read_text(encoding="utf-8"))
    assert set(results["networks"]) == {"vad", "digits", "braille"}
    for name, rows in results["networks"].items():
        graph = resource("exports", f"{name}.nir").read_bytes()
        assert rows["identity"]["sha256"] == hashlib.sha256(graph).hexdigest()


def test_the_accuracies_of_the_classifiers_are_those_of_their_test_sets() -> None:
    text = resource("exports", "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+\.metrics\.json)` \|.*\| ([\d.]+ %) \| ([\d,]+) \|", text, re.M)
    measured = set()
    for name in resource_names("exports", ".metrics.json"):
        metrics = json.loads(resource("exports", name).read_text(encoding="utf-8"))
        if "test" in metrics:
            share = f"{100 * metrics['test']['accuracy']:.2f} %"
            measured.add((name, share, f"{metrics['parameters']:,}"))
    assert set(rows) == measured
