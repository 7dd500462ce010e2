"""Graphs in graphs: what their nodes are called, which port an edge means, what is refused."""

from __future__ import annotations

import nir
import numpy as np
import pytest

import neurodeploy
from neurodeploy.errors import VerificationError

DT = 1e-3


def port(kind: str, size: int = 2):
    shape = {f"{kind}put": np.array([size])}
    return nir.Input(shape) if kind == "in" else nir.Output(shape)


def graph(edges, **nodes) -> nir.NIRGraph:
    return nir.NIRGraph(nodes, edges, type_check=False)


def around(inner: nir.NIRGraph, *edges, **more) -> nir.NIRGraph:
    """in -> g -> out, unless other edges are given, with the inner graph as g."""
    chain = edges or (("in", "g"), ("g", "out"))
    return graph(list(chain), **{"in": port("in"), "g": inner, "out": port("out"), **more})


def doubling(size: int = 2) -> nir.NIRGraph:
    return graph(
        [("i", "s"), ("s", "o")], i=port("in", size), s=nir.Scale(np.array(2.0)), o=port("out")
    )


def output_of(network: nir.NIRGraph) -> np.ndarray:
    return neurodeploy.interpret(network, np.ones((3, 2)), dt=DT).output[:, 0, 0]


def test_nodes_are_named_by_their_path():
    flat = neurodeploy.flatten(around(around(doubling())))
    assert list(flat.nodes) == ["in", "g.g.s", "out"]
    assert flat.edges == [("in", "g.g.s"), ("g.g.s", "out")]


def test_a_graph_without_graphs_is_itself():
    flat = doubling()
    assert neurodeploy.flatten(flat) is flat


def test_an_outer_name_that_is_taken_keeps_its_node():
    edges = [("in", "g"), ("g", "g.s"), ("g.s", "out")]
    flat = neurodeploy.flatten(around(doubling(), *edges, **{"g.s": nir.Scale(np.array(3.0))}))
    assert set(flat.nodes) == {"in", "out", "g.s", "g.s#2"}
    assert flat.nodes["g.s"].scale == 3
    assert set(flat.edges) == {("in", "g.s#2"), ("g.s#2", "g.s"), ("g.s", "out")}


def test_an_edge_names_the_port_that_it_means():
    """2 a + 3 b, and a itself at another port."""
    inner = graph(
        [("a", "x"), ("b", "y"), ("x", "sum"), ("y", "sum"), ("a", "copy")],
        a=port("in"),
        b=port("in"),
        x=nir.Scale(np.array(2.0)),
        y=nir.Scale(np.array(3.0)),
        sum=port("out"),
        copy=port("out"),
    )
    edges = [("in", "g.a"), ("other", "g.b"), ("g.sum", "out"), ("g.copy", "second")]
    network = around(inner, *edges, other=port("in"), second=port("out"))
    x = {"in": np.ones((1, 2)), "other": 10 * np.ones((1, 2))}
    meaning = neurodeploy.interpret(network, x, dt=DT)
    assert meaning.outputs["out"][0, 0].tolist() == [32, 32]
    assert meaning.outputs["second"][0, 0].tolist() == [1, 1]


def test_a_residual_and_a_passage_around_it_add_up():
    """x reaches the output directly, through a graph that only passes it on, and doubled."""
    passing = graph([("i", "o")], i=port("in"), o=port("out"))
    edges = [("in", "g"), ("g", "out"), ("in", "out"), ("in", "d"), ("d", "out")]
    network = around(passing, *edges, d=doubling())
    assert output_of(network).tolist() == [4, 4, 4]
    assert neurodeploy.run(network, np.ones((3, 2)), dt=DT).output[:, 0, 0].tolist() == [4, 4, 4]


def test_feedback_inside_and_around_a_graph_takes_one_step():
    """As snnTorch writes RLeaky: Input -> lif -> Output and lif -> w_rec -> lif in one graph. The
    bias of w_rec acts from the first step on, as in snnTorch."""
    cell = nir.LI(tau=np.array([DT, DT]), r=np.ones(2), v_leak=np.zeros(2))
    weights, bias = 0.5 * np.eye(2), np.full(2, 0.25)
    inside = graph(
        [("i", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "o")],
        i=port("in"),
        lif=cell,
        w_rec=nir.Affine(weights, bias),
        o=port("out"),
    )
    alone = graph([("i", "lif"), ("lif", "o")], i=port("in"), lif=cell, o=port("out"))
    edges = [("in", "g"), ("g", "w"), ("w", "g"), ("g", "out")]
    expected = [1.25, 1.875, 2.1875]  # v = 1 + v / 2 + 1/4
    for network in (around(inside), around(alone, *edges, w=nir.Affine(weights, bias))):
        assert output_of(network).tolist() == expected
        assert neurodeploy.run(network, np.ones((3, 2)), dt=DT).output[:, 0, 0].tolist() == expected


TWO_INPUTS = graph([("a", "o"), ("b", "o")], **{"a": port("in"), "b": port("in"), "o": port("out")})


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            around(TWO_INPUTS),
            r"edge in -> g \[port\]: g has 2 Input nodes: a, b; name one, as 'g.a'",
        ),
        (around(TWO_INPUTS, ("in", "g.a"), ("g", "out")), r"node g.b \[unreached\]"),
        (around(TWO_INPUTS, ("in", "g.z"), ("g", "out")), r"no node is named 'g.z'"),
        (
            around(doubling(), ("in", "g.s"), ("g", "out")),
            r"edge in -> g.s \[port\]: s is no Input of g",
        ),
        (around(doubling(3)), r"node g.i \[shape\]: states the shape \(3,\), \(2,\) arrives"),
        (
            around(graph([("i", "x")], i=port("in"), o=port("out"))),
            r"edge g.i -> g.x .* named 'g.x'; did you mean 'g.o'",
        ),
        (around(graph([], o=port("out"))), r"g has 0 Input nodes: none; give it an Input"),
    ],
)
def test_refusals_name_the_place(network, words):
    with pytest.raises(VerificationError, match=words):
        neurodeploy.interpret(network, np.ones((3, 2)), dt=DT)


def test_a_graph_that_holds_itself_is_refused():
    inner = doubling()
    inner.nodes["again"] = inner
    with pytest.raises(VerificationError, match=r"node g.again \[nesting\]: holds itself"):
        neurodeploy.flatten(around(inner))
