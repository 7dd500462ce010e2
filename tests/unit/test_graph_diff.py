"""diff: every kind of difference is found, named and placed; equal networks are equal."""

from __future__ import annotations

import json

import nir
import numpy as np
import pytest

from neurodeploy import diff
from neurodeploy.errors import ConfigError
from neurodeploy.ir.files import write_nir, write_program
from tests.unit.test_cli import run
from tests.unit.test_files import DT, fixed_program, small_graph


def renamed(graph: nir.NIRGraph, names: dict[str, str]) -> nir.NIRGraph:
    nodes = {names.get(n, n): node for n, node in graph.nodes.items()}
    edges = [(names.get(a, a), names.get(b, b)) for a, b in graph.edges]
    return nir.NIRGraph(dict(reversed(nodes.items())), edges[::-1], type_check=False)


def branches(first: float, second: float) -> nir.NIRGraph:
    """Two parallel Linear nodes that differ in their weights alone."""
    nodes = {
        "input": nir.Input({"input": np.array([2])}),
        "a": nir.Linear(np.full((2, 2), first)),
        "b": nir.Linear(np.full((2, 2), second)),
        "output": nir.Output({"output": np.array([2])}),
    }
    edges = [("input", "a"), ("input", "b"), ("a", "output"), ("b", "output")]
    return nir.NIRGraph(nodes, edges, type_check=False)


def test_a_graph_equals_itself_in_any_order():
    found = diff(small_graph(), renamed(small_graph(), {}))
    assert found.equal
    assert (found.matched_by, found.renamed, found.remarks) == ("names", (), ())


def test_a_changed_weight_is_counted_and_placed():
    graph = small_graph()
    graph.nodes["fc"].weight = graph.nodes["fc"].weight.copy()
    graph.nodes["fc"].weight[1, 2] += 0.03
    found = diff(small_graph(), graph)
    (p,) = found.parameters
    assert (p.node, p.parameter, p.size, p.differing, p.first) == ("fc", "weight", 6, 1, (1, 2))
    assert (p.left, p.right) == ("0.3", "0.33")
    assert p.max_abs == pytest.approx(0.03)
    assert p.max_rel == pytest.approx(0.03 / 0.33)
    assert not found.equal
    assert diff(small_graph(), graph, tolerance=0.1).equal
    assert not diff(small_graph(), graph, tolerance=0.05).equal


def test_other_names_are_matched_by_structure():
    names = {"fc": "layer1", "lif": "spk1", "input": "x"}
    found = diff(small_graph(), renamed(small_graph(), names))
    assert found.equal
    assert found.matched_by == "structure"
    assert dict(found.renamed) == names


def test_a_change_behind_other_names_is_still_found():
    other = renamed(small_graph(((0.5, -0.25, 1.0), (0.1, 0.2, 9.0))), {"fc": "w", "lif": "n"})
    found = diff(small_graph(), other)
    assert found.matched_by == "structure"
    assert [(p.node, p.parameter, p.first) for p in found.parameters] == [("fc", "weight", (1, 2))]


def test_branches_that_swap_their_names_are_one_network():
    found = diff(branches(1.0, 2.0), branches(2.0, 1.0))
    assert found.equal
    assert set(found.renamed) == {("a", "b"), ("b", "a")}
    assert not diff(branches(1.0, 2.0), branches(1.0, 3.0)).equal


def test_many_alike_branches_are_matched():
    """Nodes that nothing but the edges tell apart: the bounded search finds a way."""

    def ring(order):
        nodes = {f"n{i}": nir.Linear(np.eye(2)) for i in range(8)}
        return nir.NIRGraph(
            nodes, [(f"n{a}", f"n{b}") for a, b in zip(order, order[1:] + order[:1], strict=True)],
            type_check=False,
        )  # fmt: skip

    names = {f"n{i}": f"m{i}" for i in range(8)}
    assert diff(ring([*range(8)]), renamed(ring([3, 1, 4, 0, 5, 2, 6, 7]), names)).equal


def test_nodes_edges_and_types():
    graph = small_graph()
    graph.nodes["lif"] = nir.LI(np.full(2, 1e-2), np.ones(2), np.zeros(2))
    graph.nodes["scale"] = nir.Scale(np.ones(2))
    graph.edges = [*graph.edges[:2], ("lif", "scale"), ("scale", "output")]
    found = diff(small_graph(), graph)
    assert found.retyped == (("lif", "LIF", "LI"),)
    assert found.added == (("scale", "Scale"),)
    assert found.removed_edges == (("lif", "output"),)
    assert set(found.added_edges) == {("lif", "scale"), ("scale", "output")}
    back = diff(graph, small_graph())
    assert back.removed == found.added
    assert back.removed_edges == found.added_edges


@pytest.mark.parametrize(
    ("value", "left", "right"),
    [(np.ones(3), "shape (2,)", "shape (3,)"), (np.array([1.0, np.nan]), "1", "nan")],
)
def test_shapes_and_nans_differ(value, left, right):
    graph = small_graph()
    graph.nodes["lif"].v_threshold = value
    (p,) = diff(small_graph(), graph).parameters
    assert (p.node, p.parameter, p.left, p.right) == ("lif", "v_threshold", left, right)


def test_one_value_for_all_is_a_remark_and_no_difference():
    graph = small_graph()
    graph.nodes["lif"].v_threshold = np.array(1.0)
    found = diff(small_graph(), graph)
    assert found.equal
    assert found.remarks == ("lif.v_threshold: shape (2,) | (), the values are equal",)


def test_a_nested_graph_is_compared_inside():
    def outer(inner):
        nodes = {"input": nir.Input({"input": np.array([3])}), "block": inner}
        nodes["output"] = nir.Output({"output": np.array([2])})
        edges = [("input", "block"), ("block", "output")]
        return nir.NIRGraph(nodes, edges, type_check=False)

    changed = small_graph(((0.5, -0.25, 1.0), (0.1, 0.2, 9.0)))
    assert diff(outer(small_graph()), outer(small_graph())).equal
    (p,) = diff(outer(small_graph()), outer(changed)).parameters
    assert p.node == "block.fc"
    moved = diff(outer(small_graph()), outer(renamed(small_graph(), {"fc": "w"})))
    assert moved.equal and moved.renamed == (("block.fc", "block.w"),)


def test_programs(tmp_path):
    program = fixed_program()
    write_program(tmp_path / "a.ndp", program)
    assert diff(tmp_path / "a.ndp", program).equal
    sparse = program.synapses[2].weights.copy()
    sparse[3, 3] = 2
    synapses = (*program.synapses[:2], type(program.synapses[2])(
        **{**vars(program.synapses[2]), "weights": sparse, "delay": 3}
    ))  # fmt: skip
    other = type(program)(**{**vars(program), "synapses": synapses, "dt": 2e-3})
    found = diff(program, other)
    assert [(p.parameter, p.first) for p in found.parameters] == [
        ("delay", ()),
        ("weights", (3, 3)),
    ]
    assert found.facts == (("dt", "0.001", "0.002"),)


def test_a_graph_and_a_program_are_not_comparable():
    with pytest.raises(ConfigError, match="a graph against a Program"):
        diff(small_graph(), fixed_program())
    with pytest.raises(ConfigError, match="tolerance"):
        diff(small_graph(), small_graph(), tolerance=float("nan"))


@pytest.fixture
def pair(tmp_path):
    write_nir(tmp_path / "a.nir", small_graph(), {"dt": DT, "source_hash": "1"})
    other = small_graph(((0.5, -0.25, 1.0), (0.1, 0.2, np.inf)))
    write_nir(tmp_path / "b.nir", other, {"dt": 2e-3, "source_hash": "2"})
    return tmp_path


def test_command(pair, capsys):
    assert run("diff", pair / "a.nir", pair / "a.nir") == 0
    assert "equal (nodes matched by names)" in capsys.readouterr().out
    assert run("diff", pair / "a.nir", pair / "b.nir") == 1
    out = capsys.readouterr().out
    assert "1 parameter, 1 fact differ" in out
    assert "note: source_hash: '1' | '2'" in out
    assert run("diff", pair / "a.nir", pair / "b.nir", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] is False
    assert found["facts"] == [["dt", "0.001", "0.002"]]
    assert found["parameters"][0]["max_abs"] is None  # infinite: JSON has no word for it
    assert run("diff", pair / "a.nir", pair / "none.nir") == 2
    assert run("diff", pair / "a.nir", pair / "b.nir", "--tolerance", "-1") == 2
