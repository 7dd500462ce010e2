"""The command line: what it prints, its exit codes, and that a failure leaves no file behind."""

from __future__ import annotations

import json
import subprocess
import sys

import nir
import numpy as np
import pytest

from neurodeploy.cli import main
from neurodeploy.ir.files import read_program, write_nir
from tests.unit.test_files import DT, small_graph


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture
def work(tmp_path):
    """A graph with its manifest and matching input."""
    write_nir(tmp_path / "net.nir", small_graph(), {"dt": DT})
    x = np.random.default_rng(0).uniform(0, 2, size=(30, 4, 3))
    np.save(tmp_path / "x.npy", x)
    return tmp_path


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def compiled(work, *more):
    arguments = ("--calibrate", work / "x.npy", "-o", work / "net.ndp", *more)
    return run("compile", work / "net.nir", *arguments)


def refused(capsys, code, expected, work, before):
    """One clear line, the exit code, and nothing left behind."""
    error = capsys.readouterr().err
    assert code == expected
    assert "Traceback" not in error
    assert error.count("error: ") == 1 and error.count("\n") == 1
    assert files(work) == before
    return error


@pytest.mark.parametrize(("bits", "held"), [("4", {4}), ("lif=3", {3}), ("auto", {2, 3, 4, 5})])
def test_weight_bits(work, capsys, bits, held):
    """The table's numbers are those of --json, and the file holds these widths."""
    more = ("--bits", bits, "--tolerance", "0.2", "--signs", "split", "--rounding", "calibrated")
    assert compiled(work, *more) == 0
    out = capsys.readouterr().out
    assert "in network %" in out and "Rounding to loihi2, calibrated" in out
    assert compiled(work, *more, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (layer,) = found["layers"]
    assert found["placement"]["fits"] and found["placement"]["cores"] == 1
    assert set(layer["weight_bits"].values()) <= held
    assert 0 <= layer["predicted"] <= 1 and layer["saturations"] == 0
    synapses = read_program(work / "net.ndp").synapses
    assert {s.name: s.num_weight_bits for s in synapses} == layer["weight_bits"]


def test_compile_run_inspect(work, capsys):
    assert compiled(work) == 0
    assert read_program(work / "net.ndp").arithmetic == "fixed"
    assert run("run", work / "net.ndp", "--input", work / "x.npy", "-o", work / "t.npz") == 0
    with np.load(work / "t.npz") as trace:
        assert trace["output"].shape == (30, 4, 2)
    capsys.readouterr()
    assert run("inspect", work / "net.ndp", "--json") == 0
    description = json.loads(capsys.readouterr().out)
    assert [n["model"] for n in description["neurons"]] == ["cuba_lif"]
    assert description["neurons"][0]["tau_v_ms"] == pytest.approx(10.0, rel=0.01)
    assert run("inspect", work / "net.nir") == 0
    assert "Populations" in capsys.readouterr().out
    assert run("inspect", work / "net.nir", "--text") == 0
    assert capsys.readouterr().out.startswith("program net real dt=0.001s")


def test_verify_prints_the_stages(work, capsys):
    assert run("verify", work / "net.nir", "--input", work / "x.npy", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    found = [(row["left"], row["right"], row["layer"], row["quantity"]) for row in rows]
    assert found == [
        ("NIR", "real", "lif", "spikes"),
        ("NIR", "real", "lif", "v"),
        ("real", "fixed", "lif", "spikes"),
        ("real", "fixed", "lif", "v"),
    ]
    assert all(row["agrees"] for row in rows)


def test_bench_and_report(work):
    pytest.importorskip("jinja2")
    code = run("bench", work / "net.nir", "--input", work / "x.npy", "-o", work / "r.json")
    assert code == 0
    assert run("report", work / "r.json", "-o", work / "r.html") == 0
    assert {"r.html", "r.md", "r.json"} <= set(files(work))


def test_compare_with_the_twin(work, capsys):
    np.save(work / "y.npy", np.zeros(2, dtype=np.int64))
    arguments = ("--data", work / "x.npy", "--hw", "loihi1,loihi2,cmos45nm", "-o", work / "r.json")
    known = ("--quality", "snn:accuracy=0.9", "--quality", "ann:accuracy=0.97")
    assert run("compare", work / "net.nir", *arguments, *known) == 0
    shown = capsys.readouterr()
    assert "cmos45nm" in shown.out
    assert "no prices: loihi2" in shown.out
    assert "refused: no ratios: the networks differ in quality" in shown.err
    assert run("compare", work / "net.nir", *arguments, *known, "--force") == 0
    assert "unlike quality" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--quality", "ann:accuracy=97"), "a share from 0 to 1"),
        (("--measured", "snn@loihi2"), "not like snn@loihi2=rails.csv:1000"),
        (("--ratio", "loihi1/cmos45nm"), "unlike hardware"),
        (("--passes", "some"), "none of stream, sequence, still"),
    ],
)
def test_compare_refuses(work, capsys, option, words):
    arguments = ("--data", work / "x.npy", "--hw", "loihi1,cmos45nm", "-o", work / "r.json")
    assert run("compare", work / "net.nir", *arguments, *option) == 2
    assert words in capsys.readouterr().err
    assert not (work / "r.json").exists()


def test_compare_with_a_network_of_ones_own(work, capsys):
    pytest.importorskip("torch")
    (work / "ann.py").write_text(
        "import torch\n\n\ndef build():\n    torch.manual_seed(0)\n"
        "    return torch.nn.Linear(3, 2)\n"
    )
    np.save(work / "y.npy", np.zeros(np.load(work / "x.npy").shape[1], dtype=np.int64))
    arguments = ("--data", work / "x.npy", "--hw", "cmos45nm", "-o", work / "r.json")
    own = ("--ann", f"{work / 'ann.py'}:build", "--labels", work / "y.npy", "--force")
    assert run("compare", work / "net.nir", *arguments, *own) == 0
    results = json.loads((work / "r.json").read_text())
    assert results["ann"]["derived"] is False
    assert {q["side"] for q in results["quality"]} == {"snn", "ann"}
    assert results["ann"]["counts"]["layers"][0]["op"] == "linear"


def test_bench_is_a_gate(work, capsys):
    arguments = ("bench", work / "net.nir", "--input", work / "x.npy", "--hw", "loihi1")
    assert run(*arguments, "-o", work / "old.json") == 0
    gate = ("--baseline", work / "old.json", "--fail-if", "synops+5%")
    assert run(*arguments, "-o", work / "new.json", *gate) == 0
    old = json.loads((work / "old.json").read_text())
    for layer in old["layers"]:
        layer["synaptic_operations"] //= 2
    (work / "old.json").write_text(json.dumps(old))
    assert run(*arguments, "-o", work / "new.json", *gate) == 1
    assert "synops: " in capsys.readouterr().err
    assert run(*arguments, "-o", work / "new.json", "--fail-if", "synops+5%") == 2


def test_hw(capsys):
    assert run("hw", "--json") == 0
    assert {h["name"] for h in json.loads(capsys.readouterr().out)} >= {"loihi1", "loihi2"}
    assert run("hw", "loihi1") == 0
    assert "Davies" in capsys.readouterr().out
    assert run("hw", "loihi9") == 2
    assert "loihi9 [hardware-name]" in capsys.readouterr().err


def test_truncated_graph(work, capsys):
    path = work / "net.nir"
    path.write_bytes(path.read_bytes()[:3000])
    before = files(work)
    error = refused(capsys, compiled(work), 2, work, before)
    assert "net.nir [nir-file]: not a readable NIR file" in error


def test_nan_weights(work, capsys):
    write_nir(work / "net.nir", small_graph(((np.nan, 1, 1), (1, 1, 1))), {"dt": DT})
    before = files(work)
    error = refused(capsys, compiled(work), 1, work, before)
    assert "node fc.weight [finite]: 1 of 6 values are NaN" in error


def test_a_graph_within_a_graph_compiles(work):
    nodes = {
        "input": nir.Input({"input": np.array([3])}),
        "block": small_graph(),
        "output": nir.Output({"output": np.array([2])}),
    }
    edges = [("input", "block"), ("block", "output")]
    nir.write(work / "net.nir", nir.NIRGraph(nodes, edges, type_check=False))
    assert compiled(work) == 0
    assert read_program(work / "net.ndp").outputs == ("block.lif",)


def test_what_no_program_can_say(work, capsys):
    """A Delay that feeds on itself: NIR gives it a meaning, a Program has no neuron to hold it."""
    ports = small_graph().nodes
    nodes = {
        "input": ports["input"],
        "sum": nir.Scale(np.full(3, 0.5)),
        "echo": nir.Delay(np.full(3, 2 * DT)),
        "output": nir.Output({"output": np.array([3])}),
    }
    edges = [("input", "sum"), ("sum", "echo"), ("echo", "sum"), ("sum", "output")]
    write_nir(work / "net.nir", nir.NIRGraph(nodes, edges, type_check=False), {"dt": DT})
    before = files(work)
    error = refused(capsys, compiled(work), 1, work, before)
    assert "node sum [cycle]: a cycle of Delays and maps" in error


@pytest.mark.parametrize(
    ("dt", "words"),
    [("0", "positive"), ("-1", "positive"), ("nan", "positive"), ("1", "manifest of net.nir")],
)
def test_wrong_dt(work, capsys, dt, words):
    before = files(work)
    assert words in refused(capsys, compiled(work, "--dt", dt), 2, work, before)


def test_wrong_calibration(work, capsys):
    np.save(work / "x.npy", np.ones((4, 5)))
    before = files(work)
    error = refused(capsys, compiled(work), 2, work, before)
    assert "input input [shape]" in error


@pytest.mark.parametrize("keep", [9, 200], ids=["head", "half"])
def test_truncated_input(work, capsys, keep):
    np.savez(work / "x.npz", input=np.ones((30, 3)))
    (work / "x.npz").write_bytes((work / "x.npz").read_bytes()[:keep])
    before = files(work)
    arguments = ("--input", work / "x.npz", "-o", work / "t.npz")
    error = refused(capsys, run("run", work / "net.nir", *arguments), 2, work, before)
    assert "x.npz [array-file]" in error


def test_a_chip_without_the_limits_that_compiling_needs(work, capsys):
    (work / "chip.toml").write_text('name = "mine"\ntitle = "My chip"\nkind = "spiking"\n')
    before = files(work)
    error = refused(capsys, compiled(work, "--hw", work / "chip.toml"), 2, work, before)
    assert "hardware mine [limit-missing]: weight_bits" in error


def test_graded_input_on_a_chip_without_graded_spikes(work, capsys):
    before = files(work)
    error = refused(capsys, compiled(work, "--hw", "loihi1"), 1, work, before)
    assert "input input [graded-spikes]" in error


def test_real_graph_on_lava_asks_for_a_compiled_one(work, capsys):
    before = files(work)
    arguments = ("--backend", "lava", "--input", work / "x.npy", "-o", work / "t.npz")
    error = refused(capsys, run("run", work / "net.nir", *arguments), 2, work, before)
    assert "compile it first" in error


def test_unknown_options_and_backends(work, capsys):
    before = files(work)
    arguments = ("--backend", "abacus", "--input", work / "x.npy", "-o", work / "t.npz")
    error = refused(capsys, run("run", work / "net.nir", *arguments), 2, work, before)
    assert "known: cpu, lava, loihi2, reference" in error
    assert run("compile", "--nonsense") == 2
    assert run("compile", work / "net.nir") == 2


def test_debug_shows_the_traceback(work):
    from neurodeploy.errors import DataError

    with pytest.raises(DataError):
        main(["inspect", str(work / "none.nir"), "--debug"])


MODEL = """
import snntorch, torch
from torch import nn

def good():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), snntorch.Leaky(0.9, init_hidden=True))

def wider():
    return nn.Sequential(nn.Linear(3, 5), snntorch.Leaky(0.9, init_hidden=True))

def other():
    return nn.Sequential(nn.Linear(3, 4), nn.Dropout(), snntorch.Leaky(0.9, init_hidden=True))

def retrained():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), snntorch.Leaky(0.9, init_hidden=True))

def unsupported():
    return nn.Sequential(
        nn.Linear(3, 4), nn.LayerNorm(4), snntorch.Leaky(0.9, init_hidden=True), nn.Softmax(-1)
    )

def broken():
    raise RuntimeError("no weights here")

class Senses(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.ear, self.skin = nn.Linear(3, 4), nn.Linear(2, 4, bias=False)
        self.lif1, self.lif2 = (snntorch.Leaky(0.9, threshold=0.3) for _ in range(2))

    def forward(self, sound, touch):
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        first, second = [], []
        for heard, felt in zip(sound, touch):
            spikes, mem1 = self.lif1(self.ear(heard), mem1)
            first.append(spikes)
            spikes, mem2 = self.lif2(spikes + self.skin(felt), mem2)
            second.append(spikes)
        return {"first": torch.stack(first), "second": torch.stack(second)}
"""


def export(work, factory, dt="1e-3"):
    (work / "model.py").write_text(MODEL)
    (work / "__pycache__").mkdir(exist_ok=True)
    arguments = ("--shape", "3", "--dt", dt, "-o", work / "out.nir")
    return run("export", f"{work / 'model.py'}:{factory}", *arguments)


def test_export(work, capsys):
    pytest.importorskip("snntorch")
    assert export(work, "good") == 0
    assert {"out.nir", "out.toml"} <= set(files(work))
    capsys.readouterr()
    arguments = ("--input", work / "x.npy", "--against", f"{work / 'model.py'}:good")
    assert run("verify", work / "out.nir", *arguments) == 0
    assert "torch = NIR" in capsys.readouterr().out


def test_one_sample_needs_no_batch_axis(work):
    pytest.importorskip("snntorch")
    assert export(work, "good") == 0
    np.save(work / "x.npy", np.load(work / "x.npy")[:, 0])
    arguments = ("--input", work / "x.npy", "--against", f"{work / 'model.py'}:good")
    assert run("verify", work / "out.nir", *arguments) == 0
    assert run("compare", work / "out.nir", *arguments[:2], "-o", work / "r.json") == 0
    assert json.loads((work / "r.json").read_text())["ann"]["counts"]["samples"] == 1


def test_several_inputs_and_outputs(work, capsys):
    pytest.importorskip("snntorch")
    (work / "model.py").write_text(MODEL)
    rng = np.random.default_rng(0)
    shapes = {"sound": 3, "touch": 2}
    signals = {name: rng.normal(size=(40, 2, n)) for name, n in shapes.items()}
    np.savez(work / "both.npz", **signals)
    network, out = f"{work / 'model.py'}:Senses", work / "out.nir"
    asked = ("--dt", "1e-3", "--returned", "first,second", "--time-axis", "inside", "-o", out)
    assert run("export", network, "--shape", "sound=3", "--shape", "touch=2", *asked) == 0
    capsys.readouterr()
    assert run("verify", out, "--input", work / "both.npz", "--against", network) == 0
    assert "torch = NIR" in capsys.readouterr().out
    assert run("export", network, "--shape", "3", "--shape", "2", *asked) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--shape", "sound=3", "--shape", "2"), "name all or none"),
        (("--shape", "sound=3", "--shape", "sound=2"), "an argument has one shape"),
        (("--shape", "smell=3"), "forward() has no argument smell"),
        (("--shape", "0"), "'0' is not like 784 or 2,34,34"),
        (("--shape", "9999999999999", "--shape", "2"), "[memory]"),
        (("--shape", "9" * 30, "--shape", "2"), "[memory]"),
        (("--shape", "3", "--shape", "2", "--returned", "third"), "'third' is not returned"),
        (("--shape", "3", "--shape", "2", "--time-axis", "sideways"), "sideways"),
    ],
)
def test_export_of_wrong_shapes_and_choices(work, capsys, arguments, words):
    pytest.importorskip("snntorch")
    (work / "model.py").write_text(MODEL)
    network = f"{work / 'model.py'}:Senses"
    assert run("export", network, *arguments, "--dt", "1e-3", "-o", work / "out.nir") == 2
    assert words in capsys.readouterr().err
    assert not (work / "out.nir").exists()


def test_verify_against_another_network_is_no_agreement(work, capsys):
    pytest.importorskip("snntorch")
    assert export(work, "good") == 0
    capsys.readouterr()
    arguments = ("--input", work / "x.npy", "--against")
    for factory, words in (
        ("other", "layer 1 [torch = NIR]: the module has no such layer; it has 2"),
        ("wider", "layer 1 [shape]: torch has shape (30, 4, 5), NIR (30, 4, 4)"),
        ("retrained", "error: layer 1 [torch = NIR]: "),
    ):
        code = run("verify", work / "out.nir", *arguments, f"{work / 'model.py'}:{factory}")
        assert code == 1
        assert words in capsys.readouterr().err


def test_export_names_every_unsupported_layer(work, capsys):
    pytest.importorskip("snntorch")
    code = export(work, "unsupported")
    error = capsys.readouterr().err
    assert code == 1
    assert "LayerNorm" in error and "Softmax" in error
    assert "Traceback" not in error
    assert not {"out.nir", "out.toml"} & set(files(work))


def test_export_of_a_wrong_factory(work, capsys):
    pytest.importorskip("snntorch")
    assert export(work, "broken") == 2
    assert "no weights here" in capsys.readouterr().err
    assert export(work, "missing") == 2
    assert "has no missing; it has" in capsys.readouterr().err
    assert export(work, "good", dt="-1") == 2
    assert run("export", "nothing.py:x", "--shape", "3", "--dt", "1", "-o", "x.nir") == 2
    assert run("export", "model.txt", "--shape", "3", "--dt", "1", "-o", "x.nir") == 2


def test_import_is_light():
    """`import neurodeploy` loads no torch, numba or lava; neither do the commands' help texts."""
    code = (
        "import sys, neurodeploy, neurodeploy.cli._app as m; m.build(); "
        "print([n for n in ('torch', 'numba', 'lava', 'snntorch', 'jinja2') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
