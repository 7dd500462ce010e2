"""verify: equal stages are equal, and what differs is found, named and shown."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import nir
import numpy as np
import pytest

from neurodeploy import compile, examine, verify, write_report
from neurodeploy.agreement import compare_integers, difference
from neurodeploy.agreement.evidence import gather
from neurodeploy.agreement.rows import layer_rows, place
from neurodeploy.backends import reference
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.verification import (
    read_verification,
    verification_results,
    write_verification,
)
from neurodeploy.errors import ConfigError, DataError, VerificationError
from neurodeploy.ir.files import write_nir, write_program
from tests.unit.test_cli import MODEL, run
from tests.unit.test_files import DT, fixed_program, small_graph
from tests.unit.test_report import EVIL, Page

X = np.random.default_rng(0).uniform(0, 2, size=(40, 3, 3))


def conv_graph(kind: str = "subtract") -> nir.NIRGraph:
    """Convolution, a population that resets by subtraction, a read-out."""
    size = (2, 3, 3)
    kernel = np.linspace(0, 1, 8).reshape(2, 1, 2, 2)
    nodes = {
        "input": nir.Input({"input": np.array([1, 4, 4])}),
        "conv": nir.Conv2d((4, 4), kernel, 1, 0, 1, 1, np.zeros(2)),
        "mem": nir.LI(np.full(size, 1e-2), np.full(size, 10.0), np.zeros(size)),
        "spk": nir.Threshold(np.ones(size)),
        "reset": nir.Scale(np.full(size, -1.0)),
        "flat": nir.Flatten({"input": np.array(size)}, 0, -1),
        "fc": nir.Linear(np.linspace(-1, 1, 36).reshape(2, 18)),
        "out": nir.LI(np.full(2, 2e-2), np.full(2, 20.0), np.zeros(2)),
        "output": nir.Output({"output": np.array([2])}),
    }  # fmt: skip
    edges = [("input", "conv"), ("conv", "mem"), ("mem", "spk"), ("spk", "reset"),
             ("reset", "mem"), ("spk", "flat"), ("flat", "fc"), ("fc", "out"),
             ("out", "output")]  # fmt: skip
    return nir.NIRGraph(nodes, edges, type_check=False)


IMAGES = np.random.default_rng(1).uniform(0, 1, size=(30, 2, 1, 4, 4))


def test_every_stage_of_a_graph():
    compiled = compile(conv_graph(), calibration=IMAGES, dt=DT).program
    rows = layer_rows(verify(conv_graph(), IMAGES, dt=DT, compiled=compiled))
    assert [(r.stages, r.layer) for r in rows] == [
        ("NIR = real", "spk"),
        ("NIR = real", "out"),
        ("real ~ fixed", "spk"),
        ("real ~ fixed", "out"),
    ]
    equal, readout, rounded, _ = rows
    assert (equal.spikes.compared, equal.spikes.differing) == (30 * 2 * 18, 0)
    assert equal.membrane.largest < 1e-12 and equal.membrane.differing == 0
    assert readout.spikes is None and readout.verdict == "equal"
    assert rounded.verdict == "rounding"
    assert 0 < rounded.membrane.rms < rounded.membrane.largest < 3


@pytest.mark.parametrize("word", ["forward_euler", "exact_decay"])
def test_v_reset_v_leak_and_the_discretisation_of_the_manifest(tmp_path, word):
    """The membrane of a Program is counted from the reset; the graph's is not."""
    full = [np.full(2, v) for v in (1e-2, 10.0, 0.3, 1.0, -0.5)]
    graph = small_graph()
    graph.nodes["lif"] = nir.LIF(*full)
    write_nir(tmp_path / "net.nir", graph, {"dt": DT, "discretisation": word})
    found = verify(tmp_path / "net.nir", X)
    assert [(d.quantity, d.differing) for d in found] == [("spikes", 0), ("v", 0)]
    assert examine(tmp_path / "net.nir", X).comparisons[0].left.any()


def test_a_difference_is_placed_by_step_sample_and_index():
    a = np.zeros((9, 2, 3, 4))
    b = a.copy()
    b[5, 1, 2, 3] = b[7, 0, 0, 0] = 1
    d = difference(("x", "y"), "conv", "spikes", (a, b), exact=True)
    assert (d.differing, d.first_step, d.first_sample, d.first_neuron) == (2, 5, 1, 11)
    assert (d.first_index, d.first_values) == ((2, 3), (0.0, 1.0))
    assert place(d) == "step 5, sample 1, neuron (2, 3): 0 | 1"
    assert d.rms == pytest.approx(np.sqrt(2 / a.size))
    close = difference(("x", "y"), "conv", "v", (a + 1, a + 1.0002), exact=True)
    assert place(close).endswith(": 1 | 1.0002")
    assert not d.agrees and replace(d, exact=False).agrees


def test_integers_that_differ_are_in_units_of_the_real_membrane():
    program = fixed_program()
    x = np.random.default_rng(1).integers(-8, 8, size=(6, 2, 1, 4, 4))
    trace = reference.run(program, x, probe="all")
    states = {k: v.copy() for k, v in trace.states.items()}
    states["a/v"][3, 1, 0, 2, 1] += 32
    found = compare_integers(trace, replace(trace, states=states), "lava")
    (d,) = (d for d in found if d.differing)
    assert (d.layer, d.quantity, d.first_step, d.first_index) == ("a", "v", 3, (0, 2, 1))
    assert d.largest == 0.5  # 64 units are 1


def test_stages_that_do_not_fit():
    with pytest.raises(VerificationError, match="shape"):
        difference(("a", "b"), "x", "v", (np.zeros((2, 1, 3)), np.zeros((2, 1, 4))), exact=True)
    with pytest.raises(VerificationError, match="NaN"):
        difference(("a", "b"), "x", "v", (np.zeros(3), np.full(3, np.nan)), exact=True)
    with pytest.raises(ConfigError, match="no second stage"):
        verify(fixed_program(), np.zeros((3, 1, 1, 4, 4)))
    with pytest.raises(ConfigError, match="no stage has nope; they have lif"):
        verify(small_graph(), X, dt=DT, layers=("nope",))


def test_steps_and_layers_are_chosen():
    found = examine(conv_graph(), IMAGES, dt=DT, steps=7, layers=("out",))
    assert (found.steps, found.batch) == (7, 2)
    assert {d.layer for d in found.differences} == {"out"}
    assert found.agrees


def test_neurons_that_never_spike_are_said():
    graph = small_graph(((0.5, 0.5, 0.5), (-1.0, -1.0, -1.0)))
    (warning,) = examine(graph, X, dt=DT).warnings
    assert str(warning).startswith("layer lif [coverage]: 1 of 2 neurons never spike")


def test_evidence_shows_the_worst_neuron_around_its_first_difference():
    compiled = compile(small_graph(), calibration=X, dt=DT).program
    found = examine(small_graph(), X, dt=DT, compiled=compiled)
    spikes, v = (c for c in found.comparisons if c.difference.right == "fixed")
    right = spikes.left.copy()
    right[25:, 1, 1] = 1 - right[25:, 1, 1]
    found_now = difference(("real", "fixed"), "lif", "spikes", (spikes.left, right), exact=False)
    changed = (replace(spikes, right=right, difference=found_now), v)
    (e,) = gather(changed, found.thresholds)
    assert (e.quantity, e.exact, e.bin_steps, len(e.course)) == ("spikes", False, 1, 40)
    assert e.course[24] == 0 and e.course[25] == pytest.approx(1 / 6)
    w = e.window
    assert (w.sample, w.index, w.start, w.steps, w.threshold) == (1, (1,), 5, 35, 1.0)
    assert len(w.left) == len(w.right) == 35
    assert 25 in set(w.left_spikes) ^ set(w.right_spikes)
    assert {t for t, _ in (*e.raster.left_only, *e.raster.right_only)} == set(range(25, 40))


def test_no_evidence_where_all_is_equal():
    found = examine(small_graph(), X, dt=DT)
    assert list(gather(found.comparisons, found.thresholds)) == []


@pytest.fixture(scope="module")
def results():
    graph = conv_graph()
    nodes = {EVIL if n == "spk" else n: node for n, node in graph.nodes.items()}
    edges = [tuple(EVIL if n == "spk" else n for n in e) for e in graph.edges]
    hostile = nir.NIRGraph(nodes, edges, type_check=False)
    compiled = compile(hostile, calibration=IMAGES, dt=DT).program
    found = examine(hostile, IMAGES, dt=DT, compiled=compiled)
    return verification_results(found, provenance("neurodeploy verify"))


def test_results_file_keeps_everything(results, tmp_path):
    write_verification(results, tmp_path / "v.json")
    assert read_verification(tmp_path / "v.json") == results
    text = (tmp_path / "v.json").read_text().replace("verification/1", "verification/2")
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(DataError, match="verification/2"):
        read_verification(tmp_path / "v.json")


def test_report_from_the_results_file(results, tmp_path):
    write_verification(results, tmp_path / "v.json")
    written = write_report(tmp_path / "v.json", tmp_path / "out.html")
    assert [p.suffix for p in written] == [".html", ".md", ".json"]
    assert read_verification(tmp_path / "out.json") == results
    text = (tmp_path / "out.html").read_text()
    page = Page(text)
    assert not {"img", "iframe"} & set(page.tags)
    assert page.tags.count("script") == 1  # the page's own, which sorts tables
    assert EVIL in "".join(page.words)
    assert page.tags.count("svg") == 4  # over time; membrane and raster of spk, membrane of out
    assert "<script>" not in (tmp_path / "out.md").read_text()


@pytest.fixture
def files(tmp_path):
    write_nir(tmp_path / "net.nir", small_graph(), {"dt": DT})
    np.save(tmp_path / "x.npy", X)
    return tmp_path


GOLDEN = """\
net: 40 steps, 3 sample(s)
┏━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━┳━━━━━━━━┳━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━┳━━━━━━━━━┓
┃ stages     ┃ layer ┃ spikes ┃ differ ┃ first difference ┃ membrane max ┃ rms ┃ verdict ┃
┡━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━╇━━━━━━━━╇━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━╇━━━━━━━━━┩
│ NIR = real │ lif   │    240 │      0 │                  │            0 │   0 │ equal   │
└────────────┴───────┴────────┴────────┴──────────────────┴──────────────┴─────┴─────────┘
=  promises equality    ~  measures what rounding to integers does
"""


def test_text_of_the_command(files, capsys):
    # weights and inputs that float64 holds exactly: no membrane error at all
    write_nir(files / "net.nir", small_graph(((0.5, 0.25, 1.0), (0.125, 2.0, 0.5))), {"dt": DT})
    np.save(files / "x.npy", np.round(X * 4) / 4)
    assert run("verify", files / "net.nir", "--input", files / "x.npy", "--hw", "none") == 0
    out = capsys.readouterr().out
    assert "\n".join(line.rstrip() for line in out.splitlines()) + "\n" == GOLDEN


def test_compiled_programs_are_verified_on_lava(files, capsys):
    pytest.importorskip("lava.magma")
    write_program(files / "net.ndp", compile(small_graph(), calibration=X, dt=DT).program)
    arguments = ("--input", files / "x.npy", "--steps", 12, "--json")
    assert run("verify", files / "net.ndp", *arguments) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {(r["left"], r["right"], r["quantity"]) for r in rows} == {
        ("fixed", "lava", q) for q in ("spikes", "u", "v")
    }
    code = run("verify", files / "net.nir", "--program", files / "net.ndp", *arguments)
    assert code == 0
    rows = json.loads(capsys.readouterr().out)
    assert {(r["left"], r["right"]) for r in rows} == {("NIR", "real"), ("real", "fixed")}


def test_outputs_and_refusals_of_the_command(files, capsys):
    arguments = ("verify", files / "net.nir", "--input", files / "x.npy")
    assert run(*arguments, "-o", files / "v.json", "--report", files / "v2.html") == 0
    assert read_verification(files / "v.json").network == "net"
    assert {"v2.html", "v2.md", "v2.json"} <= {p.name for p in files.iterdir()}
    for options in (("-o", files / "v.txt"), ("--report", files / "r.txt"), ("--layers", "nope")):
        assert run(*arguments, *options) == 2
    capsys.readouterr()


def test_a_changed_weight_is_caught_and_placed(files, capsys):
    pytest.importorskip("snntorch")
    (files / "model.py").write_text(MODEL)
    source = f"{files / 'model.py'}:good"
    export = ("export", source, "--shape", 3, "--dt", DT, "-o", files / "net.nir")
    assert run(*export) == 0
    verifying = ("verify", files / "net.nir", "--input", files / "x.npy", "--hw", "none")
    capsys.readouterr()
    assert run(*verifying, "--against", source) == 0
    assert "source-hash" not in capsys.readouterr().err
    graph, manifest = nir.read(files / "net.nir", type_check=False), {"dt": DT}
    graph.nodes["0"].weight = graph.nodes["0"].weight + np.diag([0, 0, 5.0, 0])[:, :3]
    write_nir(files / "net.nir", graph, manifest)
    assert run(*verifying, "--against", source) == 1
    error = capsys.readouterr().err
    assert "error: layer 1 [torch = NIR]: " in error
    assert re.search(r"spikes differ, first at step \d, sample \d, neuron 2: 0 \| 1", error)


def test_another_module_than_the_exported_one_is_said(files, capsys):
    pytest.importorskip("snntorch")
    (files / "model.py").write_text(MODEL)
    source = files / "model.py"
    export = ("export", f"{source}:good", "--shape", 3, "--dt", DT, "-o", files / "net.nir")
    assert run(*export) == 0
    capsys.readouterr()
    verifying = ("verify", files / "net.nir", "--input", files / "x.npy", "--hw", "none")
    assert run(*verifying, "--against", f"{source}:retrained") == 1
    assert (
        "warning: Sequential [source-hash]: the graph was exported from" in capsys.readouterr().err
    )


def test_membranes_of_the_module_are_measured(files):
    """snnTorch states its membrane before a reset to zero, Norse after it and from v_reset."""
    torch = pytest.importorskip("torch")
    snntorch = pytest.importorskip("snntorch")
    norse = pytest.importorskip("norse.torch")
    from neurodeploy import to_nir

    torch.manual_seed(0)
    away = norse.LIFBoxParameters(v_reset=torch.as_tensor(-0.3))
    layers = {
        "subtract": snntorch.Leaky(0.9, init_hidden=True),
        "zero": snntorch.Leaky(0.9, init_hidden=True, reset_mechanism="zero"),
        "norse": norse.LIFBoxCell(p=away, dt=1e-3),
    }
    for name, layer in layers.items():
        linear = torch.nn.Linear(3, 4)
        parts = (linear, layer)
        module = norse.SequentialState(*parts) if name == "norse" else torch.nn.Sequential(*parts)
        x = 40 * X if name == "norse" else 2 * X
        graph = to_nir(module, (3,), dt=1e-3).graph
        spikes, membrane = verify(graph, x, dt=1e-3, module=module)[:2]
        assert (spikes.quantity, spikes.differing) == ("spikes", 0), name
        assert (membrane.quantity, membrane.exact) == ("v", False), name
        assert membrane.largest < 1e-6, name
        assert examine(graph, x, dt=1e-3, module=module).comparisons[0].left.any(), name


PORTS = """
import torch, snntorch
from torch import nn

class Ears(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(2, 4), nn.Linear(4, 2)
        self.lif1 = snntorch.Leaky(0.9)
        self.lif2 = snntorch.Leaky(0.8, graded_spikes_factor=0.5)
        self.lif3 = snntorch.Leaky(0.9, inhibition=True)

    def forward(self, left, right, mem1=None, mem2=None, mem3=None):
        spk1, mem1 = self.lif1(self.a(left), mem1)
        spk2, mem2 = self.lif2(self.b(right) + spk1, mem2)
        spk3, mem3 = self.lif3(2 * spk2, mem3)
        return {"spikes": spk3, "sum": spk1 + spk2, "out": self.c(spk1)}, mem1, mem2, mem3

def build():
    torch.manual_seed(0)
    return Ears()
"""


@pytest.fixture
def ears(tmp_path):
    """A file with a network of two inputs and three outputs, the network, and its inputs."""
    pytest.importorskip("snntorch")
    from neurodeploy.cli._factory import load_module

    (tmp_path / "ears.py").write_text(PORTS)
    rng = np.random.default_rng(2)
    x = {"right": rng.uniform(0, 2, (60, 2, 2)), "left": rng.uniform(0, 2, (60, 2, 3))}
    np.savez(tmp_path / "x.npz", **x)
    return f"{tmp_path / 'ears.py'}:build", load_module(f"{tmp_path / 'ears.py'}:build"), x


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
def test_a_module_of_several_inputs_and_outputs(ears, tmp_path, capsys):
    """Graded and inhibited spikes are compared at the node that sends them."""
    from neurodeploy import to_nir

    source, module, x = ears
    ports = {"left": (3,), "right": (2,)}
    export = to_nir(module, ports, dt=DT, output=["out", "spikes", "sum"])
    found = verify(export.graph, x, dt=DT, module=module)
    torch = [d for d in found if d.left == "torch"]
    assert all(d.agrees for d in found)
    compared = {(d.layer, d.quantity) for d in torch if d.exact}
    assert {(f"lif{n}", "spikes") for n in (1, 2, 3)} < compared
    assert {("sum", "v"), ("out", "v")} < compared  # "spikes" are lif3's
    write_nir(tmp_path / "net.nir", export.graph, export.manifest)
    arguments = ("verify", tmp_path / "net.nir", "--input", tmp_path / "x.npz")
    assert run(*arguments, "--against", source, "--hw", "none", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {r["layer"] for r in rows if r["left"] == "torch"} == {d.layer for d in torch}


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
@pytest.mark.parametrize("node", ["c", "lif2", "lif3_defeats"])
def test_what_differs_in_one_output_is_found_there(ears, node):
    from neurodeploy import to_nir

    _, module, x = ears
    graph = to_nir(module, {"left": (3,), "right": (2,)}, dt=DT, output="all").graph
    for key in ("weight", "scale"):
        if hasattr(graph.nodes[node], key):
            setattr(graph.nodes[node], key, 1.5 * getattr(graph.nodes[node], key))
    wrong = {d.layer for d in verify(graph, x, dt=DT, module=module) if not d.agrees}
    assert wrong and wrong <= {"c": {"out"}}.get(
        node, {"lif2", "sum", "lif3", "spikes", "output_5"}
    )


def test_a_layer_that_the_module_has_not_is_no_part_of_another(ears):
    from neurodeploy import to_nir

    _, module, x = ears
    graph = to_nir(module, {"left": (3,), "right": (2,)}, dt=DT, output="sum").graph
    graph.nodes["lif1_more"] = nir.Threshold(np.ones(4))
    graph.edges += [("a", "lif1_more"), ("lif1_more", "lif2_mem")]
    with pytest.raises(VerificationError, match=r"layer lif1_more \[torch = NIR\]: the module has"):
        verify(graph, x, dt=DT, module=module)
