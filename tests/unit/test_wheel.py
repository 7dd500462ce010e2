"""The wheel carries what the code needs: built, installed apart from the checkout, and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel's content in a folder of its own, outside the checkout."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    options = ["--no-deps", "--no-compile", "--target", str(site)]  # pip builds the wheel itself
    subprocess.run([*pip, *options, str(ROOT)], check=True, timeout=300)
    return site


def python(site: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=site, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_package_runs_from_its_own_files(installed, tmp_path):
    where = python(installed, "-c", "import neurodeploy; print(neurodeploy.__file__)")
    assert Path(where.strip()).is_relative_to(installed)
    names = {h["name"] for h in json.loads(python(installed, "-m", "neurodeploy", "hw", "--json"))}
    assert names == {p.stem for p in (ROOT / "hw_configs").glob("*.toml")}


def test_the_shipped_graphs_compile_from_the_wheel(installed, tmp_path):
    code = (
        "import sys; from neurodeploy.resources import resource; from neurodeploy.cli import main; "
        "main(['compile', str(resource('exports', 'vad.nir')), '--calibrate', "
        "str(resource('exports', 'vad_calibration.npz')), '-o', sys.argv[1]])"
    )
    target = tmp_path / "vad.ndp"
    assert "lif1" in python(installed, "-c", code, str(target))
    assert target.is_file()


def test_the_report_template_travels(installed):
    pytest.importorskip("jinja2")
    code = (
        "from neurodeploy.zoo.data.clips import load_clips; import neurodeploy.report.html as h, "
        "pathlib; folder = pathlib.Path(h.__file__).parent; "
        "print(len(load_clips()), (folder / 'report.html.j2').is_file())"
    )
    count, template = python(installed, "-c", code).split()
    assert int(count) >= 8
    assert template == "True"


def test_the_schema_of_results_travels(installed):
    code = "from neurodeploy.bench.schema import read_schema; print(read_schema()['$id'])"
    assert python(installed, "-c", code).strip() == "neurodeploy.results/2"
