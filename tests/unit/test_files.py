"""Files round-trip, and damaged ones are refused with one clear line and nothing left behind."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import nir
import numpy as np
import pytest
from scipy import sparse

from neurodeploy import pipeline
from neurodeploy.backends import reference
from neurodeploy.errors import ConfigError, DataError, VerificationError
from neurodeploy.ir.files import (
    read_input,
    read_nir,
    read_program,
    write_nir,
    write_program,
    write_trace,
)
from neurodeploy.ir.printer import print_program
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.whole_files import require_file, require_place, write_whole

DT = 1e-3


def small_graph(weight=((0.5, -0.25, 1.0), (0.1, 0.2, 0.3))) -> nir.NIRGraph:
    tau = np.full(2, 1e-2)
    nodes = {
        "input": nir.Input({"input": np.array([3])}),
        "fc": nir.Affine(np.array(weight), np.array([0.01, -0.01])),
        "lif": nir.LIF(tau, tau / DT, np.zeros(2), np.ones(2), np.zeros(2)),
        "output": nir.Output({"output": np.array([2])}),
    }
    return nir.NIRGraph(nodes, [("input", "fc"), ("fc", "lif"), ("lif", "output")])


def fixed_program() -> Program:
    """All kinds of synapses, all models, a chain of three."""
    rng = np.random.default_rng(0)
    state = {"du": 4095, "dv": 100, "bias_exp": 2, "v_init": np.int64(0)}
    spiking = {**state, "vth": 300, "bias": np.int64(5)}
    neurons = (
        Neuron("a", (2, 4, 4), "cuba_lif", spiking, 64.0, 1),
        Neuron("b", (5,), "soft_lif", {**spiking, "subtract": 300}, 64.0, 2),
        Neuron("c", (5,), "integrator", {**state, "bias": np.arange(5)}, 64.0, 3),
    )
    conv = 2 * rng.integers(-50, 50, size=(2, 1, 3, 3))
    dense = 2 * rng.integers(-50, 50, size=(5, 32))
    g = ConvGeometry((1, 1), (1, 1), (1, 1), 1)
    eye = sparse.csr_array(np.diag([2, 0, 4, 6, 8]))
    synapses = (
        Synapse("in->a", "in", "a", "conv2d", conv, 1, g, 1),
        Synapse("a->b", "a", "b", "dense", dense, 1, None, -1),
        Synapse("b->c", "b", "c", "sparse", eye, 1, None, 2),
    )
    ports = (Port("in", (1, 4, 4), 4, 3.5, True),)
    return Program("net", "fixed", DT, ports, neurons, synapses, ("c",), {"hw": "x"}, ("a note",))


def test_program_round_trip(tmp_path):
    program = fixed_program()
    write_program(tmp_path / "net.ndp", program)
    again = read_program(tmp_path / "net.ndp")
    assert print_program(again) == print_program(program)
    x = np.random.default_rng(1).integers(-8, 8, size=(12, 2, 1, 4, 4))
    left, right = (reference.run(p, x, probe="all") for p in (program, again))
    assert left.counts == right.counts
    for key, values in left.states.items():
        np.testing.assert_array_equal(values, right.states[key], err_msg=key)


def test_nir_round_trip_with_manifest(tmp_path):
    write_nir(
        tmp_path / "net.nir", small_graph(), {"dt": DT, "lossy": [], "reset": {"lif": "zero"}}
    )
    graph, manifest = read_nir(tmp_path / "net.nir")
    assert manifest == {"dt": DT, "lossy": [], "reset": {"lif": "zero"}}
    np.testing.assert_array_equal(graph.nodes["fc"].weight, small_graph().nodes["fc"].weight)
    assert pipeline.load(tmp_path / "net.nir", None).dt == DT
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.nir", "net.toml"]


def test_dt_must_be_known_and_agree(tmp_path):
    write_nir(tmp_path / "net.nir", small_graph(), {"dt": DT})
    with pytest.raises(ConfigError, match=r"dt \[manifest\]: 0.002 s given"):
        pipeline.load(tmp_path / "net.nir", 2e-3)
    (tmp_path / "net.toml").unlink()
    with pytest.raises(ConfigError, match=r"dt \[missing\]"):
        pipeline.load(tmp_path / "net.nir", None)


@pytest.mark.parametrize("dt", [0.0, -1e-3, float("nan"), float("inf"), "1", True])
def test_wrong_dt(dt):
    with pytest.raises(ConfigError, match="dt"):
        pipeline.load(small_graph(), dt)


def test_dt_longer_than_tau():
    with pytest.raises(ConfigError, match=r"node lif \[dt\]: dt = 0.5 s is longer than tau"):
        pipeline.load(small_graph(), 0.5)


def test_nan_weights_are_named():
    with pytest.raises(VerificationError, match=r"node fc.weight \[finite\]: 1 of 6 values"):
        pipeline.load(small_graph(((np.nan, 1, 1), (1, 1, 1))), DT)


@pytest.mark.parametrize("keep", [0, 10, 700, 2000])
def test_truncated_nir(tmp_path, keep):
    path = tmp_path / "net.nir"
    write_nir(path, small_graph(), {"dt": DT})
    path.write_bytes(path.read_bytes()[:keep])
    said = r"\[nir-file\]: not a readable NIR file" if keep else r"\[file\]: is empty"
    with pytest.raises(DataError, match=rf"net.nir {said}"):
        read_nir(path)


def test_foreign_files(tmp_path):
    for name in ("a.nir", "a.ndp", "a.npy"):
        (tmp_path / name).write_text("hello")
    with pytest.raises(DataError, match="not a readable NIR"):
        read_nir(tmp_path / "a.nir")
    with pytest.raises(DataError, match="is no compiled Program"):
        read_program(tmp_path / "a.ndp")
    with pytest.raises(DataError, match="not a readable array"):
        read_input(tmp_path / "a.npy")
    with pytest.raises(DataError, match="no such file"):
        read_nir(tmp_path / "b.nir")
    with pytest.raises(DataError, match=r"expected .nir, .ndp or .net"):
        pipeline.load(tmp_path / "a.npy", DT)


def test_damaged_programs_are_refused(tmp_path):
    """Eight flipped bits anywhere, or a cut: never read as a Program."""
    path = tmp_path / "net.ndp"
    write_program(path, fixed_program())
    original = path.read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(100):
        damaged = bytearray(original)
        for place in rng.integers(0, len(original), size=8):
            damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(
            bytes(damaged) if trial % 2 else original[: int(rng.integers(len(original)))]
        )
        if path.read_bytes()[512:] == original[512:]:
            continue  # only the unused part of the user block was hit
        with pytest.raises(DataError, match=r"\[(checksum|program-file)\]"):
            read_program(path)


def test_object_arrays_are_not_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="not a readable array"):
        read_input(tmp_path / "x.npy")


def test_input_array_by_key_or_alone(tmp_path):
    np.savez(tmp_path / "one.npz", spikes=np.ones((2, 3)))
    np.savez(tmp_path / "two.npz", input=np.ones((2, 3)), other=np.zeros(1))
    np.savez(tmp_path / "none.npz", a=np.ones(1), b=np.ones(1))
    assert read_input(tmp_path / "one.npz").shape == (2, 3)
    assert read_input(tmp_path / "two.npz").shape == (2, 3)
    with pytest.raises(DataError, match="none is named input"):
        read_input(tmp_path / "none.npz")


def test_trace_file_holds_output_probes_and_counts(tmp_path):
    trace = reference.run(fixed_program(), np.ones((4, 1, 4, 4)), probe=("b/v", "a/s"))
    write_trace(tmp_path / "t.npz", trace)
    with np.load(tmp_path / "t.npz", allow_pickle=False) as data:
        assert set(data.files) == {"output", "c", "b/v", "a/s", "counts", "notes"}
        assert json.loads(str(data["notes"])) == ["a note"]
        assert data["output"].shape == (4, 1, 5)
        assert '"synaptic_operations"' in str(data["counts"])


def test_an_interrupted_write_leaves_nothing(tmp_path):
    target = tmp_path / "out.bin"
    target.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(target, fail)
    assert [p.name for p in tmp_path.iterdir()] == ["out.bin"]
    assert target.read_text() == "old"


def test_a_graph_and_its_manifest_are_written_both_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "net.nir"
    write_nir(path, small_graph(), {"dt": DT})
    old = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def fail(file, graph):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(nir, "write", fail)
    with pytest.raises(KeyboardInterrupt):
        write_nir(path, small_graph(), {"dt": 2e-3})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == old
    monkeypatch.undo()
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match=r"net.nir \[output\]: cannot be written"):
        write_nir(path, small_graph(), {"dt": 2e-3})
    assert (tmp_path / "net.toml").read_bytes() == old["net.toml"]


def test_what_is_written_is_read_by_nir(tmp_path):
    write_nir(tmp_path / "net.nir", small_graph(), {"dt": DT})
    again = nir.read(tmp_path / "net.nir")
    for name, node in small_graph().nodes.items():
        assert type(again.nodes[name]) is type(node)
        for key, value in node.to_dict().items():
            np.testing.assert_array_equal(getattr(again.nodes[name], key, value), value)


def test_a_failure_leaves_no_new_folder(tmp_path):
    def fail(path):
        raise ValueError(path)

    with pytest.raises(ValueError, match="x"):
        write_whole(tmp_path / "a" / "b" / "x", fail)
    require_place(tmp_path / "a" / "x")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="x"):
        write_whole(tmp_path / "a" / "b" / "x", fail)
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]
    write_whole(tmp_path / "a" / "b" / "x", lambda path: path.write_text("x"))
    assert (tmp_path / "a" / "b" / "x").read_text() == "x"


def test_what_cannot_be_read_is_said_in_words(tmp_path):
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    told = {
        "none": "no such",
        "empty": "empty",
        "pipe": "regular",
        ".": "folder",
        "n" * 300: "long",
    }
    for name, words in told.items():
        with pytest.raises(DataError, match=words):
            require_file(tmp_path / name)
    assert require_file(tmp_path / "pipe", pipes=True)
    for path in (tmp_path / ("n" * 300) / "x", tmp_path / "empty" / "x"):
        with pytest.raises(ConfigError, match="cannot be written"):
            require_place(path)


def test_files_come_into_a_new_folder_from_several_threads(tmp_path):
    def write(number):
        def content(path):
            if number % 2:
                raise ValueError(number)
            path.write_text(str(number))

        try:
            write_whole(tmp_path / "new" / str(number), content)
        except ValueError:
            return
        (tmp_path / "new" / str(number)).unlink()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(400)))
