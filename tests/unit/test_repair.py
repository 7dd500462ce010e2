"""What --repair mends, what it leaves alone, and that each mend is said."""

from __future__ import annotations

import json

import nir
import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.errors import VerificationError
from neurodeploy.ir.dangling import likely_names
from neurodeploy.ir.files import read_nir, read_program
from neurodeploy.ir.repair import repair
from neurodeploy.primitives import PRIMITIVES
from tests.unit.test_cli import run
from tests.unit.test_files import DT, small_graph

TWO = np.ones(2)


def port(kind, *shape):
    return kind({kind.__name__.lower(): np.array(shape)})


def lif(n=2):
    one = np.ones(n)
    return nir.LIF(1e-2 * one, 10 * one, 0 * one, one, 0 * one)


def graph(nodes, edges):
    return nir.NIRGraph(nodes, edges, type_check=False)


def subgraph(name="lif1"):
    """As the NIR paper's `*_subgraph.nir`: edges name `lif`, the node is `lif1`."""
    nodes = {"input": port(nir.Input, 2), name: lif(), "w_rec": nir.Affine(-np.eye(2), 0 * TWO)}
    nodes["output"] = port(nir.Output, 2)
    edges = [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")]
    return graph(nodes, edges)


def paper_graph(name="lif1"):
    nodes = {"input": port(nir.Input, 3), "fc": nir.Affine(np.eye(2, 3), TWO)}
    nodes |= {"rec": subgraph(name), "output": port(nir.Output, 2)}
    return graph(nodes, [("input", "fc"), ("fc", "rec"), ("rec", "output")])


def mended(broken):
    """The mended graph and its notes; what was given is left as it was, and mending it again
    changes nothing."""
    before = repr(broken)
    found, notes = repair(broken, PRIMITIVES)
    assert repr(broken) == before
    assert repair(found, PRIMITIVES) == (found, ())
    return found, notes


def same_output(a, b):
    x = np.random.default_rng(0).uniform(0, 2, size=(30, 2, 3))
    left, right = (pipeline.run(g, x, dt=DT).output for g in (a, b))
    assert left.any()
    np.testing.assert_array_equal(left, right)


def test_a_sound_graph_is_left_alone():
    sound = small_graph()
    assert repair(sound, PRIMITIVES) == (sound, ())
    nested = paper_graph("lif")
    assert repair(nested, PRIMITIVES) == (nested, ())


def test_the_paper_s_subgraphs():
    with pytest.raises(VerificationError) as caught:
        pipeline.load(paper_graph(), DT)
    assert (
        "edge rec.lif -> rec.w_rec [dangling-edge]: no node is named 'rec.lif'; "
        "did you mean 'rec.lif1'? --repair renames it"
    ) in str(caught.value)
    found, notes = mended(paper_graph())
    assert notes == ("edges of rec.lif: no node has that name, renamed to rec.lif1",)
    same_output(found, paper_graph("lif"))
    assert pipeline.load(paper_graph(), DT, repair=True).notes == notes


def test_a_stated_shape_that_nothing_has():
    """As `lif_rockpool.nir`: the Output states [1, 1, 1]."""
    nodes = {**small_graph().nodes, "output": port(nir.Output, 1, 1, 2)}
    broken = graph(nodes, small_graph().edges)
    with pytest.raises(VerificationError, match=r"node output \[shape\]: states the shape"):
        pipeline.load(broken, DT)
    found, notes = mended(broken)
    assert notes == ("node output: stated the shape (1, 1, 2), set to (2,)",)
    same_output(found, small_graph())


def test_inputs_take_the_shape_that_follows():
    nodes = {**small_graph().nodes, "input": port(nir.Input, 3, 1)}
    found, notes = mended(graph(nodes, small_graph().edges))
    assert notes == ("node input: stated the shape (3, 1), set to (3,)",)
    same_output(found, small_graph())
    nodes["input"] = port(nir.Input, 4)  # another number of elements: which one is wrong?
    assert mended(graph(nodes, small_graph().edges))[1] == ()


def test_stated_shapes_inside():
    conv = nir.Conv2d((9, 9), np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2))
    nodes = {
        "input": port(nir.Input, 1, 5, 6),
        "conv": conv,
        "flat": nir.Flatten({"input": np.array([3, 4])}, 0),
        "output": port(nir.Output, 24),
    }
    found, notes = mended(graph(nodes, [("input", "conv"), ("conv", "flat"), ("flat", "output")]))
    assert set(notes) == {
        "node conv: stated the shape (9, 9), set to (5, 6)",
        "node flat: stated the shape (3, 4), set to (2, 3, 4)",
    }
    assert found.nodes["conv"].output_type["output"].tolist() == [2, 3, 4]
    inner = subgraph("lif")
    inner.nodes["output"] = port(nir.Output, 2, 1)
    nodes = {**paper_graph().nodes, "rec": inner}
    found, notes = mended(graph(nodes, paper_graph().edges))
    assert notes == ("node rec.output: stated the shape (2, 1), set to (2,)",)


def test_double_edges():
    edges = [*small_graph().edges, ("fc", "lif")]
    found, notes = mended(graph(small_graph().nodes, edges))
    assert notes == ("edge fc -> lif: stood 2 times, kept once",)
    same_output(found, small_graph())


def test_missing_ports():
    nodes = {k: v for k, v in small_graph().nodes.items() if k in ("fc", "lif")}
    found, notes = mended(graph(nodes, [("fc", "lif")]))
    assert notes == (
        "node input: there was no Input, added at fc",
        "node output: there was no Output, added at lif",
        "node output: stated no shape, set to (2,)",
    )
    same_output(found, small_graph())
    nodes["lif2"] = lif()  # two last nodes
    _, notes = mended(graph(nodes, [("fc", "lif"), ("fc", "lif2")]))
    assert notes == ("node input: there was no Input, added at fc",)


@pytest.mark.parametrize(
    ("missing", "nodes", "edges", "expected"),
    [
        (["lif"], ["input", "lif1"], [("input", "lif")], {"lif": "lif1"}),
        (["LIF_1"], ["input", "lif1"], [("input", "LIF_1")], {"LIF_1": "lif1"}),
        (["lif"], ["lif1", "lif2"], [("lif", "lif")], {}),
        (["lif"], ["lif1", "lif2"], [("lif1", "lif")], {"lif": "lif2"}),
        (["lief"], ["lif", "fc", "w"], [("fc", "lief")], {"lief": "lif"}),
        (["hidden"], ["fc", "lif"], [("fc", "hidden")], {"hidden": "lif"}),
        (["hidden"], ["fc", "lif", "w"], [("fc", "hidden")], {}),
        (["a", "b"], ["fc", "lif"], [("a", "b"), ("fc", "a")], {}),
        (["lif", "LIF"], ["fc", "lif1"], [("fc", "lif"), ("fc", "LIF")], {}),
    ],
)
def test_the_likely_node(missing, nodes, edges, expected):
    assert likely_names(nodes, missing, edges) == expected


def test_repair_on_the_command_line(tmp_path, capsys):
    nir.write(tmp_path / "net.nir", paper_graph())
    np.save(tmp_path / "x.npy", np.random.default_rng(0).uniform(0, 2, size=(30, 4, 3)))
    net, x = tmp_path / "net.nir", ("--input", tmp_path / "x.npy")
    assert run("run", net, *x, "--dt", DT, "-o", tmp_path / "t.npz") == 1
    assert "did you mean 'rec.lif1'? --repair renames it" in capsys.readouterr().err
    note = "edges of rec.lif: no node has that name, renamed to rec.lif1"
    assert run("run", net, *x, "--dt", DT, "-o", tmp_path / "t.npz", "--repair") == 0
    assert f"note: {note}\n" in capsys.readouterr().err
    with np.load(tmp_path / "t.npz") as saved:
        assert json.loads(str(saved["notes"])) == [note]
    compiled = ("--calibrate", tmp_path / "x.npy", "--dt", DT, "-o", tmp_path / "net.ndp")
    assert run("compile", net, *compiled, "--repair") == 0
    assert f"note: {note}\n" in capsys.readouterr().err
    assert note in read_program(tmp_path / "net.ndp").notes
    (tmp_path / "net.toml").write_text('dt = 1e-3\nnotes = ["old"]\n')
    assert run("repair", net, "-o", tmp_path / "new.nir", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"notes": [note]}
    assert read_nir(tmp_path / "new.nir")[1] == {"dt": 1e-3, "notes": ["old", note]}
    assert nir.read(tmp_path / "new.nir", type_check=False).nodes["rec"].edges[0][1] == "lif1"
    assert run("run", tmp_path / "new.nir", *x, "-o", tmp_path / "t.npz") == 0


def test_what_has_no_single_remedy_is_not_written(tmp_path, capsys):
    nodes = {**subgraph().nodes, "lif2": lif()}
    nir.write(tmp_path / "net.nir", graph(nodes, subgraph().edges))
    before = sorted(tmp_path.iterdir())
    assert run("repair", tmp_path / "net.nir", "-o", tmp_path / "new.nir") == 1
    assert "edge input -> lif [dangling-edge]: no node is named 'lif'\n" in capsys.readouterr().err
    assert run("repair", tmp_path / "net.nir", "-o", tmp_path / "net.nir") == 2
    assert "is read by this command, and would be written over" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
