"""Tables of quality keep what is still true."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodeploy.bench.quality_table import fill_table
from neurodeploy.errors import DataError

OPTIONS = {"slow": "slow_metric", "rare": "rare_metric"}


@dataclass
class Named:
    name: str
    made_of: str


class Table:
    """A table in a file; what was measured, and without what."""

    def __init__(self, out: Path) -> None:
        self.out, self.calls = out, list[tuple[str, set[str]]]()

    def fill(self, systems: list[Named], leave_out: Sequence[str] = ()) -> dict[str, Any]:
        self.calls.clear()

        def measure(system: Named, without: Sequence[str]) -> dict[str, Any]:
            self.calls.append((system.name, set(without)))
            metrics = ["quick", *(m for option, m in OPTIONS.items() if option not in without)]
            scores = {m: {"mean": 1.0, "error": 0.0} for m in metrics}
            return {"made_of": system.made_of, "quality": scores}

        recordings = [np.zeros(16_000, np.float32)] * 3
        rows = fill_table(self.out, "a command", recordings, systems, OPTIONS, leave_out, measure)
        table = json.loads(self.out.read_text())
        assert (table["recordings"], table["seconds"], table["systems"]) == (3, 3.0, rows)
        return rows


def test_rows_are_kept_while_they_are_made_of_the_same(tmp_path: Path) -> None:
    table = Table(tmp_path / "table.json")
    table.fill([Named("a", "1"), Named("b", "1")])
    rows = table.fill([Named("b", "2"), Named("c", "1")])
    assert table.calls == [("b", set()), ("c", set())]
    assert list(rows) == ["a", "b", "c"]
    assert rows["b"]["made_of"] == "2"


def test_metrics_that_a_row_lacks_are_added(tmp_path: Path) -> None:
    table = Table(tmp_path / "table.json")
    rows = table.fill([Named("a", "1")], ["slow", "rare"])
    assert set(rows["a"]["quality"]) == {"quick"}
    rows = table.fill([Named("a", "1")], ["slow"])
    assert table.calls == [("a", {"slow"})]
    rows = table.fill([Named("a", "1")])
    assert table.calls == [("a", {"rare"})]
    assert set(rows["a"]["quality"]) == {"quick", "slow_metric", "rare_metric"}
    table.fill([Named("a", "1")], ["slow"])
    assert table.calls == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"rows": 1}', '{"systems": {"a": 1}}', '{"systems": {"a": {"made_of": ""}}}'],
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    out = tmp_path / "table.json"
    out.write_text(text)
    with pytest.raises(DataError, match=r"table\.json"):
        Table(out).fill([Named("a", "1")])
    assert out.read_text() == text
