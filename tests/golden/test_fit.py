"""What `neurodeploy fit` prints, whole, for a network that fits and one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.bench.placement import read_placement
from neurodeploy.cli import main
from neurodeploy.ir.files import read_program, write_nir
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


@pytest.mark.parametrize("probe", [("--probe", "all"), ()], ids=["probed", "counted"])
def test_a_trace_measures_what_its_run_did(net, tmp_path, capsys, probe):
    x = np.zeros((10, 2, 3))
    x[::2] = 4.0
    np.save(tmp_path / "x.npy", x)
    run = ("run", net, "--input", tmp_path / "x.npy", "-o", tmp_path / "t.npz", *probe)
    with pytest.raises(SystemExit):
        main([*map(str, run)])
    capsys.readouterr()
    given = (("--input", tmp_path / "x.npy"), ("--trace", tmp_path / "t.npz"))
    (_, ran), (code, traced) = (printed(capsys, net, "--hw", "loihi1", *g, "--json") for g in given)
    found, expected = json.loads(traced), json.loads(ran)
    assert code == 0 and found["measured"] and found["cores"][0]["messages_out"] >= 0
    assert found["cores"] == expected["cores"]


def test_the_trace_of_another_network_is_refused(net, tmp_path, capsys):
    np.savez(tmp_path / "t.npz", output=np.zeros((4, 1, 2)))
    with pytest.raises(SystemExit) as caught:
        main(["fit", str(net), "--trace", str(tmp_path / "t.npz")])
    assert caught.value.code == 2 and "[trace]" in capsys.readouterr().err
    counts = {"steps": 4, "batch": 1, "synapses": [], "neurons": []}
    np.savez(tmp_path / "t.npz", output=np.zeros((4, 1, 2)), counts=json.dumps(counts))
    with pytest.raises(SystemExit) as caught:
        main(["fit", str(net), "--trace", str(tmp_path / "t.npz")])
    assert caught.value.code == 2 and "another network" in capsys.readouterr().err


def test_a_network_that_does_not(net, tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(SMALL_CHIP)
    assert printed(capsys, net, "--hw", tmp_path / "tiny.toml") == (1, golden("fit_no"))


def test_what_is_compiled_is_kept_where_it_does_not_fit(net, tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(SMALL_CHIP)
    np.save(tmp_path / "x.npy", np.ones((10, 3)))
    out = tmp_path / "net.ndp"
    files = ("--calibrate", tmp_path / "x.npy", "-o", out, "--hw", tmp_path / "tiny.toml")
    for more, code, word in (((), 1, "net does not fit tiny"), (("--no-place",), 0, None)):
        with pytest.raises(SystemExit) as caught:
            main(["compile", str(net), *map(str, files), *more])
        shown = capsys.readouterr()
        assert caught.value.code == code and "wrote" in shown.err
        assert ("because" in shown.out) == (code == 1) and (word or "") in shown.out
        assert (read_program(out).meta.get("placement") or "").startswith(word or "")
        out.unlink()
