"""What `neurodeploy fit` prints, whole, for a network that fits and one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.bench.placement import read_placement
from neurodeploy.cli import main
from neurodeploy.ir.files import write_nir
from tests.unit.test_files import DT, small_graph

SMALL_CHIP = """\
name = "tiny"
title = "A chip with one core of one neuron"
chip = "loihi1"
[sources]
test = "This test"
[limits.neurons_per_core]
value = 1
unit = "1"
source = "test"
evidence = "assumed"
[limits.cores_per_chip]
value = 1
unit = "1"
source = "test"
evidence = "assumed"
"""


def golden(name: str) -> str:
    return (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")


def printed(capsys, *arguments) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main(["fit", *map(str, arguments)])
    text = capsys.readouterr().out
    return caught.value.code, "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.fixture
def net(tmp_path):
    write_nir(tmp_path / "net.nir", small_graph(), {"dt": DT})
    return tmp_path / "net.nir"


def test_a_network_that_fits(net, capsys):
    assert printed(capsys, net, "--hw", "loihi2") == (0, golden("fit_yes"))


def test_a_run_measures_every_core_and_leaves_results_and_picture(net, tmp_path, capsys):
    x = np.zeros((10, 2, 3))
    x[::2] = 1.0
    np.save(tmp_path / "x.npy", x)
    files = ("-o", tmp_path / "r.json", "--svg", tmp_path / "m.svg", "--json")
    code, text = printed(capsys, net, "--hw", "loihi1", "--input", tmp_path / "x.npy", *files)
    found = json.loads(text)
    assert code == 0 and found["fits"] and found["measured"]
    # three inputs that fire in every other step, each with two weights
    weights = np.count_nonzero(small_graph().nodes["fc"].weight)
    assert found["cores"][0]["synaptic_operations"] == 0.5 * weights
    assert found["cores"][0]["messages_in"] == 1.5
    assert read_placement(tmp_path / "r.json").network == "net"
    assert "mesh-worst" in (tmp_path / "m.svg").read_text(encoding="utf-8")


def test_a_network_that_does_not(net, tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(SMALL_CHIP)
    assert printed(capsys, net, "--hw", tmp_path / "tiny.toml") == (1, golden("fit_no"))
