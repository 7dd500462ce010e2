"""Files as each version of nir wrote them (its `write.py` or `serialization.py`), read alike."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest

from neurodeploy import diff, pipeline
from neurodeploy.errors import DataError
from neurodeploy.ir.files import read_nir, read_nir_file, write_nir
from neurodeploy.primitives import PRIMITIVES
from tests.unit.test_files import DT

TAU, WEIGHT = np.full(2, 1e-2), np.array([[0.5, -0.25, 1.0], [0.1, 0.2, 0.3]])
LIF = {"type": "LIF", "tau": TAU, "r": TAU / DT, "v_leak": np.zeros(2), "v_threshold": np.ones(2)}
X = np.random.default_rng(0).uniform(0, 2, size=(40, 2, 3))


def put(group: h5py.Group, content: dict) -> None:
    """As nir's `write_recursive`: text with h5py's string type, the rest as it comes."""
    for key, value in content.items():
        if isinstance(value, dict):
            put(group.create_group(str(key)), value)
        elif isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        else:
            group.create_dataset(key, data=value)


def v0_0_1() -> dict:
    """Numbered nodes at the root, no Input or Output; weights, theta; Linear has a bias."""
    lif = {k: v for k, v in LIF.items() if k != "v_threshold"} | {"theta": np.ones(2)}
    linear = {"type": "Linear", "weights": WEIGHT, "bias": np.array([0.01, -0.01])}
    return {"nodes": {"0": linear, "1": lif}, "edges": [(0, 1)]}


def v0_0_6() -> dict:
    """The group `node`, numbered nodes, an Output without shape."""
    affine = {"type": "Affine", "weight": WEIGHT, "bias": np.array([0.01, -0.01])}
    nodes = {"0": {"type": "Input", "shape": np.array([3])}, "1": affine, "2": LIF}
    nodes["3"] = {"type": "Output"}
    edges = [(0, 1), (1, 2), (2, 3)]
    return {"node": {"type": "NIRGraph", "nodes": nodes, "edges": edges}}


def v0_1_0() -> dict:
    """Names."""
    affine = {"type": "Affine", "weight": WEIGHT, "bias": np.array([0.01, -0.01])}
    nodes = {"input": {"type": "Input", "shape": np.array([3])}, "fc": affine, "lif": LIF}
    nodes["output"] = {"type": "Output", "shape": np.array([2])}
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "output")]
    return {"node": {"type": "NIRGraph", "nodes": nodes, "edges": edges}}


def v0_2_0() -> dict:
    """A version; nir 1.0.0 to 1.0.5 write this graph alike."""
    return {"version": "0.2.0", **v0_1_0()}


def v1_0_6() -> dict:
    """v_reset; metadata, which came with 1.0.1."""
    content = v0_1_0()
    nodes = content["node"]["nodes"]
    nodes["lif"] = {**LIF, "v_reset": np.zeros(2), "metadata": {"layer": "one", "size": 2}}
    return {"version": "1.0.6", **content}


VERSIONS = {
    "0.0.1": v0_0_1,
    "0.0.6": v0_0_6,
    "0.1.0": v0_1_0,
    "0.2.0": v0_2_0,
    "1.0.6": v1_0_6,
}


def written(path, content) -> object:
    with h5py.File(path, "w") as file:
        put(file, content)
    return path


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_means_the_same(tmp_path, version):
    path = written(tmp_path / "net.nir", VERSIONS[version]())
    early = version.startswith("0.0.1")  # such graphs have no ports, which can be added
    program = pipeline.load(path, DT, repair=early)
    expected = pipeline.run(written(tmp_path / "new.nir", v1_0_6()), X, dt=DT, probe="all")
    found = pipeline.run(program, X, probe="all")
    assert expected.output.any()
    np.testing.assert_array_equal(found.output, expected.output)
    without_reset = version != "1.0.6"
    assert any("no v_reset in the file" in note for note in program.notes) == without_reset


@pytest.mark.parametrize("version", VERSIONS)
def test_a_mended_file_is_read_by_nir(tmp_path, version):
    path = written(tmp_path / "net.nir", VERSIONS[version]())
    graph = pipeline.read_graph(path, repair=True).graph
    write_nir(tmp_path / "new.nir", graph, {"dt": DT})
    again = nir.read(tmp_path / "new.nir")
    assert {type(n).__name__ for n in again.nodes.values()} == {"Input", "Affine", "LIF", "Output"}
    assert pipeline.load(tmp_path / "new.nir", None).notes == ()


def test_ten_numbered_nodes_are_not_sorted_as_text(tmp_path):
    """nir 0.0.6 itself read node 10 as the third."""
    scales = {str(i): {"type": "Scale", "scale": np.full(2, 1.0 + i)} for i in range(1, 12)}
    nodes = {"0": {"type": "Input", "shape": np.array([2])}, **scales, "12": LIF}
    nodes["13"] = {"type": "Output"}
    content = {"type": "NIRGraph", "nodes": nodes, "edges": [(i, i + 1) for i in range(13)]}
    graph, _ = read_nir(written(tmp_path / "net.nir", {"node": content}))
    assert graph.edges[9:12] == [("9", "10"), ("10", "11"), ("11", "12")]
    assert graph.nodes["10"].scale.tolist() == [11.0, 11.0]


def one_node(tmp_path, node: dict, shape=(2,), out=(2,)) -> object:
    nodes = {"input": {"type": "Input", "shape": np.array(shape)}, "x": node}
    nodes["output"] = {"type": "Output", "shape": np.array(out)}
    edges = [("input", "x"), ("x", "output")]
    content = {"type": "NIRGraph", "nodes": nodes, "edges": edges}
    return written(tmp_path / "net.nir", {"node": content})


def test_parameters_of_any_form(tmp_path):
    """Scalars, (1,), integers, single precision and big-endian numbers beside full arrays."""
    node = {
        "type": "CubaLIF",
        "tau_mem": 1e-2,
        "tau_syn": np.array([2e-3]),
        "r": np.array([1, 2]),
        "v_leak": np.float32(0.0),
        "v_threshold": np.array([1.0, 2.0], dtype=">f8"),
    }
    found = read_nir_file(one_node(tmp_path, node))
    x = found.graph.nodes["x"]
    assert {k: getattr(x, k).tolist() for k in ("tau_mem", "tau_syn", "r", "v_leak")} == {
        "tau_mem": [1e-2, 1e-2],
        "tau_syn": [2e-3, 2e-3],
        "r": [1.0, 2.0],
        "v_leak": [0.0, 0.0],
    }
    assert (x.w_in.tolist(), x.v_reset.tolist()) == ([1.0, 1.0], [0.0, 0.0])
    assert x.v_threshold.tolist() == [1.0, 2.0]
    pipeline.load(one_node(tmp_path, node), DT)


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        ({"type": "Conv1d", "stride": 1, "padding": 0, "dilation": 1}, (2, 5)),
        ({"type": "Conv2d", "stride": (2, 2), "padding": (0, 1), "dilation": 1}, (2, 5, 4)),
        ({"type": "Conv2d", "stride": 1, "padding": "same", "dilation": [1]}, (2, 5, 4)),
    ],
)
def test_convolutions_without_bias_and_input_shape(tmp_path, node, shape):
    node = {**node, "weight": np.ones((3, 2, *(3 for _ in shape[1:]))), "groups": 1}
    graph, _ = read_nir(one_node(tmp_path, node, shape))
    conv = graph.nodes["x"]
    assert conv.bias.tolist() == [0, 0, 0]
    assert conv.input_shape is None
    mended = pipeline.read_graph(tmp_path / "net.nir", repair=True)
    assert np.ravel(mended.graph.nodes["x"].input_shape).tolist() == list(shape[1:])
    assert any(note.startswith("node output: stated the shape (2,)") for note in mended.notes)
    write_nir(tmp_path / "new.nir", mended.graph, {})
    assert list(nir.read(tmp_path / "new.nir", type_check=False).nodes) == ["input", "output", "x"]


def test_flatten_of_every_form(tmp_path):
    """Before 0.2.0 without input_type; as a group, as constructors have it; as written now."""
    for types in ({}, {"input_type": {"input": np.array([2, 3])}}, {"input_type": (2, 3)}):
        node = {"type": "Flatten", "start_dim": 0, "end_dim": -1, **types}
        graph, _ = read_nir(one_node(tmp_path, node, (2, 3)))
        assert (graph.nodes["x"].start_dim, graph.nodes["x"].end_dim) == (0, -1)
    assert graph.nodes["x"].output_type["output"].tolist() == [6]


def test_edges_of_every_form(tmp_path):
    for edges in (
        np.array([["input", "x"], ["x", "output"]], dtype="S6"),
        np.array([["input", "x"], ["x", "output"]], dtype=h5py.string_dtype()),
        np.array([["input", "x"], ["x", "output"]], dtype=h5py.string_dtype("ascii", 9)),
    ):
        path = one_node(tmp_path, {"type": "Threshold", "threshold": np.ones(2)})
        with h5py.File(path, "a") as file:
            del file["node/edges"]
            file["node/edges"] = edges
        assert read_nir(path)[0].edges == [("input", "x"), ("x", "output")]
    with h5py.File(path, "a") as file:
        del file["node/edges"]
        file["node/edges"] = np.zeros((0,))
    assert read_nir(path)[0].edges == []


def test_a_real_file_of_2023():
    """Norse ships one: nir 0.2.0, recurrence flattened by dots in names."""
    norse = find_spec("norse")  # not imported: that takes seconds
    if norse is None or norse.origin is None:
        pytest.skip("norse is not installed")
    path = Path(norse.origin).parent / "torch" / "utils" / "test" / "braille.nir"
    found = read_nir_file(path)
    assert [note.split(":")[0] for note in found.notes] == ["lif1.lif, lif2"]
    trace = pipeline.run(path, np.ones((50, 12)), dt=1e-4)
    assert trace.output.shape == (50, 1, 7)


def conv_same() -> nir.NIRNode:
    return nir.Conv2d((5, 4), np.ones((2, 1, 3, 3)), 1, "same", 1, 1, np.zeros(2))


ROUND = {
    **{
        f"{kind}{i}": (node, shape, rule)
        for kind, rule in PRIMITIVES.items()
        for i, (node, shape) in enumerate(rule.examples())
    },
    "same": (conv_same(), (1, 5, 4), PRIMITIVES["Conv2d"]),
}


@pytest.mark.parametrize("name", ROUND)
def test_every_primitive_survives_the_disk(tmp_path, name):
    node, shape, rule = ROUND[name]
    node.metadata = {"note": "für", "size": 2, "inner": {"array": np.arange(3)}}
    out = rule.output_shape(node, shape, "x")
    ports = {"input": nir.Input({"input": np.array(shape)})}
    ports["output"] = nir.Output({"output": np.array(out)})
    edges = [("input", "x"), ("x", "output")]
    inner = nir.NIRGraph({**ports, "x": node}, edges, type_check=False)
    outer = nir.NIRGraph({**ports, "x": inner}, edges, type_check=False)
    flat = getattr(node, "groups", 1) > 1  # nir checks the types of nested graphs all the same
    outer = inner if flat else outer
    write_nir(tmp_path / "a.nir", outer, {})
    once = read_nir(tmp_path / "a.nir")[0]
    write_nir(tmp_path / "b.nir", once, {})
    theirs = nir.read(tmp_path / "b.nir", type_check=False)
    for found in (once, theirs, read_nir(tmp_path / "b.nir")[0]):
        block = found if flat else found.nodes["x"]
        assert found.edges == edges and block.edges == edges
        same(node.to_dict(), block.nodes["x"].to_dict())
    assert diff(outer, once).equal and diff(tmp_path / "a.nir", tmp_path / "b.nir").equal


def same(left: object, right: object) -> None:
    """Equal in content: nir hands out arrays where numbers were written."""
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key, value in left.items():
            same(value, right[key])
    else:
        np.testing.assert_array_equal(left, right)


WRONG = [
    ({"type": "LIF"}, "node x.tau [missing]: the file has no tau, and LIF needs it"),
    ({**LIF, "tau": "long"}, "node x.tau [type]: is text 'long', expected numbers"),
    ({**LIF, "tau": {"a": 1}}, "node x.tau [type]: is a group, expected numbers"),
    ({**LIF, "tau": np.ones(3)}, "node x [shape]: its parameters have shapes that do not fit"),
    ({**LIF, "refractory": 1e-3}, "node x.refractory [field]: LIF has no such field in NIR"),
    ({**LIF, "metadata": 1.0}, "node x.metadata [type]: is float64 numbers, expected a group"),
    ({**LIF, "type": "Lif"}, "node x.type [primitive]: 'Lif' is no node type of NIR; did you"),
    ({**LIF, "type": "Izhikevich"}, "'Izhikevich' is no node type of NIR; known: I, IF, LI, LIF"),
    ({**LIF, "type": 3}, "node x.type [type]: is int64 numbers, expected the name of a type"),
    ({"tau": 1.0}, "node x.type [missing]: the node has no type"),
    ({"y": LIF}, "node x [name]: has no type, but holds 'y': HDF5 splits names at '/'; rename"),
    ({"type": "Linear", "weight": np.ones(2)}, "node x.weight [shape]: has shape (2,)"),
    ({"type": "Input", "shape": 1.5}, "node x.shape [value]: is 1.5, expected integers from 1"),
    ({"type": "Input"}, "node x.shape [missing]: the Input states no shape"),
    ({"type": "Output", "shape": [0]}, "node x.shape [value]: is [0], expected integers from 1"),
    (
        {"type": "Flatten", "start_dim": [0, 1]},
        "node x.start_dim [value]: has shape (2,), expected an integer from -32 up",
    ),
    (
        {"type": "SumPool2d", "kernel_size": 2, "stride": 0, "padding": 0},
        "node x.stride [value]: is 0, expected one or 2 integers from 1 up",
    ),
    ({"type": "NIRGraph", "edges": [("a", "b")]}, "node x.nodes [missing]: is empty, expected a"),
    ({"type": "NIRGraph", "nodes": {}, "edges": ["a"]}, "node x.edges [shape]: has shape (1,)"),
    ({"type": "NIRGraph", "nodes": {}, "edges": [1.5]}, "node x.edges [type]: is float64 numbers"),
]


@pytest.mark.parametrize(("node", "words"), WRONG)
def test_what_is_wrong_is_named(tmp_path, node, words):
    with pytest.raises(DataError) as caught:
        read_nir(one_node(tmp_path, node))
    assert words in str(caught.value)


def test_all_problems_at_once(tmp_path):
    conv = {"type": "Conv2d", "weight": np.ones((1, 1, 3)), "stride": [1, 1, 1], "padding": "even"}
    conv |= {"dilation": -1, "groups": 1.5, "bias": 0.0, "kernel": 3}
    with pytest.raises(DataError) as caught:
        read_nir(one_node(tmp_path, conv))
    assert [d.where for d in caught.value.diagnostics] == [
        f"node x.{key}" for key in ("kernel", "weight", "stride", "padding", "dilation", "groups")
    ]


def test_files_that_are_something_else(tmp_path):
    cases = {
        "holds text": ({"node": {"type": "LIF"}}, "holds LIF, expected a NIRGraph"),
        "netx": ({"layer": {"0": {"type": "input"}}}, "is lava-dl's netx, no NIR; name it .net"),
        "nothing": ({"a": 1}, "it has no group 'node'"),
        "flat": ({"node": 1}, "it has no group 'node'"),
    }
    for content, words in cases.values():
        with pytest.raises(DataError) as caught:
            read_nir(written(tmp_path / "net.nir", content))
        assert words in str(caught.value)


def test_names_that_hdf5_cannot_hold_are_not_written(tmp_path):
    from neurodeploy.errors import ConfigError

    lif = nir.LIF(TAU, TAU, 0 * TAU, TAU)
    for name in ("a/b", "", ".", "..", "a\0b"):
        graph = nir.NIRGraph({name: lif}, [], type_check=False)
        with pytest.raises(ConfigError, match=r"\[name\]: HDF5 cannot hold the name"):
            write_nir(tmp_path / "net.nir", graph, {})
    conv = nir.Conv1d(None, np.ones((1, 1, 3)), 1, 0, 1, 1, np.zeros(1))
    graph = nir.NIRGraph({"conv": conv}, [], type_check=False)
    with pytest.raises(ConfigError, match=r"node conv.input_shape \[value\]: is not set"):
        write_nir(tmp_path / "net.nir", graph, {})
    assert list(tmp_path.iterdir()) == []
    odd = nir.NIRGraph({"für 1.x": lif}, [("für 1.x", "für 1.x")], type_check=False)
    write_nir(tmp_path / "net.nir", odd, {})
    assert read_nir(tmp_path / "net.nir")[0].edges == [("für 1.x", "für 1.x")]
