"""Graphs made in Python hold whatever one puts into them: each wrong value is named."""

from __future__ import annotations

import nir
import numpy as np
import pytest

import neurodeploy
from neurodeploy.errors import NeurodeployError, UnsupportedPrimitive
from neurodeploy.ir.repair import repair
from neurodeploy.primitives import PRIMITIVES

DT = 1e-3


def around(node: nir.NIRNode, *shape: int) -> nir.NIRGraph:
    ports = {"in": nir.Input({"input": np.array(shape)}), "out": nir.Output({"output": None})}
    edges = [("in", "n"), ("n", "out")]
    return nir.NIRGraph({**ports, "n": node}, edges, type_check=False)


def lif(**wrong) -> nir.LIF:
    keys = ("tau", "r", "v_leak", "v_threshold", "v_reset")
    node = nir.LIF(**{key: np.ones(2) for key in keys})
    vars(node).update(wrong)
    return node


def conv(**wrong) -> nir.Conv1d:
    node = nir.Conv1d(None, np.ones((1, 1, 2)), 1, 0, 1, 1, np.zeros(1))
    vars(node).update(wrong)
    return node


def stating(shape) -> nir.NIRGraph:
    graph = around(lif(), 2)
    graph.nodes["in"].input_type = shape
    return graph


WRONG = {
    "nothing": (around(lif(tau=None), 2), r"node n.tau \[missing\]: has no value"),
    "text": (around(lif(r="loud"), 2), r"node n.r \[number\]: 'loud' is no array of numbers"),
    "ragged": (around(lif(r=[[1], [1, 2]]), 2), r"node n.r \[number\]"),
    "complex": (around(lif(r=np.ones(2) * 1j), 2), r"node n.r \[number\]"),
    "empty": (around(lif(r=np.zeros(0)), 2), r"node n.r \[empty\]: holds no values"),
    "NaN": (around(lif(r=np.array([1, np.nan])), 2), r"node n.r \[finite\]: 1 of 2 values are NaN"),
    "no leak": (around(lif(tau=np.full(2, np.inf)), 2), r"node n.tau \[finite\].* is an I or IF"),
    "half": (around(conv(stride=1.5), 1, 5), r"node n.stride \[whole\]: \[1.5\], expected whole"),
    "huge": (around(conv(dilation=10**18), 1, 5), r"node n.dilation \[whole\].* 2,147,483,647"),
    "beyond any integer": (around(conv(padding=10**30), 1, 5), r"node n.padding \[number\]"),
    "groups": (around(conv(groups=(1, 1)), 1, 5), r"node n.groups \[number\]: 2 values"),
    "no list": (stating({"input": "2"}), r"node in \[shape\]: states 2, which is no shape"),
    "no mapping": (stating(np.array([2])), r"node in \[shape\]: states \[2\], which is no shape"),
    "size 0": (stating({"input": np.array([0])}), r"node in \[shape\]: states \[0\]"),
    "size 1.5": (stating({"input": np.array([1.5])}), r"node in \[shape\]: states \[1.5\]"),
    "size -1": (stating({"input": np.array([-1])}), r"node in \[shape\]: states \[-1\]"),
    "2**40": (stating({"input": np.array([2**20, 2**20])}), r"node in \[shape\]|node in \[size\]"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("nested", [False, True])
def test_a_wrong_value_is_refused_by_name(what, nested):
    graph, words = WRONG[what]
    if nested:
        graph, words = around(graph, 2), words.replace("node ", "node n.")
    assert repair(graph, PRIMITIVES) == (graph, ())
    for run in (neurodeploy.interpret, neurodeploy.run):
        with pytest.raises(NeurodeployError, match=words):
            run(graph, np.zeros((2, 2)), dt=DT)


def test_what_the_node_of_a_stranger_holds_is_its_own():
    class Spiker(nir.NIRNode):
        def __init__(self):
            self.mode, self.input_type, self.output_type = "fast", {}, {}

    with pytest.raises(UnsupportedPrimitive, match=r"node n \[primitive\]: Spiker is none of NIR"):
        neurodeploy.interpret(around(Spiker(), 2), np.zeros((2, 2)), dt=DT)
