"""A placement's results file and report: what is in them, and that a wrong file is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neurodeploy.bench.placement import (
    placement_results,
    read_placement,
    write_placement,
)
from neurodeploy.bench.provenance import provenance
from neurodeploy.errors import DataError
from neurodeploy.hardware import load_hardware
from neurodeploy.passes.place import fit
from neurodeploy.report import write_report
from tests.placement_networks import dense_network

LOIHI1 = load_hardware("loihi1")


@pytest.fixture(scope="module")
def results():
    """Three layers over several cores, the first of which fires all the time."""
    program = dense_network(600, 1500, 1500, 10)
    rates = {name: np.full(shape, 0.1) for name, shape in program.shapes.items()}
    rates["l0"] = np.ones(1500)
    return placement_results(fit(program, LOIHI1, rates=rates), LOIHI1, provenance("test"))


def test_file_keeps_everything(results, tmp_path):
    assert read_placement(write_placement(results, tmp_path / "r.json")) == results


def test_wrong_files_are_refused(results, tmp_path):
    path = write_placement(results, tmp_path / "r.json")
    data = json.loads(path.read_text())
    for change in ({"schema": "other/1"}, {"cores": 3}, {"mesh": [1]}):
        path.write_text(json.dumps({**data, **change}))
        with pytest.raises(DataError):
            read_placement(path)


def test_bottleneck_is_the_core_that_takes_longest(results):
    busiest = results.cores[results.bottleneck]
    assert busiest.time_s == max(core.time_s for core in results.cores)
    assert any(part.startswith("l1[") for part in busiest.holds)
    # 3.8 ns an operation and the other terms of the file; a barrier of 0.6 to 1.8 us
    least = 3.8e-9 * busiest.synaptic_operations
    assert least < busiest.time_s < 1.5 * least
    assert 0.6e-6 <= results.step_s - busiest.time_s <= 1.8e-6


def test_report_shows_every_core_on_the_mesh(results, tmp_path):
    html, markdown, _ = write_report(results, tmp_path / "r.html")
    page = html.read_text(encoding="utf-8")
    assert page.count('class="mesh-core') == len(results.cores)
    assert page.count("mesh-worst") == 2  # its style and the core
    assert page.count('class="mesh-tile"') == 32
    assert "SANA-FE" in page
    assert "net fits loihi1 at 8 bits a weight" in markdown.read_text(encoding="utf-8")
    assert (
        write_report(tmp_path / "r.json", tmp_path / "again.html")[0].read_text(encoding="utf-8")
        == page
    )


def test_what_does_not_fit_has_a_report_too(tmp_path):
    found = fit(dense_network(5000, 10), LOIHI1)
    results = placement_results(found, LOIHI1, provenance("test"))
    page = write_report(results, tmp_path / "r.html")[0].read_text(encoding="utf-8")
    assert "input_axons_per_core" in page and "does not fit" in page
