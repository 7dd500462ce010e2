"""NIRData: recordings that nir writes come in, runs go out as nir reads them."""

from __future__ import annotations

import nir
import numpy as np
import pytest

import neurodeploy
from neurodeploy import pipeline
from neurodeploy.backends import reference
from neurodeploy.errors import ConfigError, DataError
from neurodeploy.frontends.netx import read_netx
from neurodeploy.ir.files import (
    read_inputs,
    read_nir_data,
    write_nir,
    write_nir_data,
    write_trace,
)
from neurodeploy.ir.inputs import prepare_inputs
from neurodeploy.ir.nir_data import from_trace, to_inputs
from tests.property.netx_files import write_random_file
from tests.unit.test_cli import run
from tests.unit.test_files import DT, fixed_program, small_graph

X = np.random.default_rng(0).integers(0, 2, size=(20, 2, 3)).astype(bool)


def gridded(values=X, dt=DT) -> nir.TimeGriddedData:
    """(T, B, N) as nir's (samples, T, N)."""
    return nir.TimeGriddedData(np.ascontiguousarray(values.transpose(1, 0, 2)), dt)


def recording(observable, node="input", key="spikes") -> nir.NIRGraphData:
    return nir.NIRGraphData({node: nir.NIRNodeData({key: observable})})


def program():
    return pipeline.load(small_graph(), DT)


def refused(data, error=DataError) -> str:
    with pytest.raises(error) as caught:
        to_inputs(program(), data)
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        gridded(),
        gridded(X.astype(float)),
        gridded().to_event(80),
        gridded().to_event(80, time_shift=0.4 * DT),
        recording(gridded()),
        recording(gridded(), node="anything", key="values"),
        nir.NIRGraphData(
            {
                "input": nir.NIRNodeData({"spikes": gridded(), "voltages": gridded(0.5 * X)}),
                "fc": nir.NIRNodeData({}),
            }
        ),
    ],
)
def test_what_nir_records_is_the_input(tmp_path, data):
    expected = pipeline.run(small_graph(), X, dt=DT).output
    assert expected.any()
    np.testing.assert_array_equal(pipeline.run(small_graph(), data, dt=DT).output, expected)
    np.testing.assert_array_equal(pipeline.run(program(), data).output, expected)
    if isinstance(data, nir.NIRGraphData):
        nir.write_data(tmp_path / "x.nir", data)
        again = read_inputs(tmp_path / "x.nir", program())
        np.testing.assert_array_equal(again, X)


def test_shapes_in_c_order():
    fixed = fixed_program()  # one port of shape (1, 4, 4), graded
    values = np.arange(5 * 2 * 16).reshape(5, 2, 16) % 8
    ready = prepare_inputs(fixed, gridded(values))
    np.testing.assert_array_equal(ready["in"], values.reshape(5, 2, 1, 4, 4))


def test_several_ports_take_the_nodes_of_their_names(tmp_path):
    both = two_inputs()
    y = ~X
    data = nir.NIRGraphData({**recording(gridded()).nodes, **recording(gridded(y), "side").nodes})
    expected = pipeline.run(both, {"input": X, "side": y}, dt=DT).output
    np.testing.assert_array_equal(pipeline.run(both, data, dt=DT).output, expected)
    with pytest.raises(DataError, match="no recorded node is named side; recorded: input"):
        pipeline.run(both, recording(gridded()), dt=DT)


def two_inputs() -> nir.NIRGraph:
    nodes = {**small_graph().nodes, "side": nir.Input({"input": np.array([3])})}
    return nir.NIRGraph(nodes, [*small_graph().edges, ("side", "fc")], type_check=False)


def test_nodes_of_nested_graphs(tmp_path):
    """nir 1.0.8 reads such files; its writer never ends on them."""
    import h5py

    nir.write_data(tmp_path / "x.nir", recording(gridded()))
    with h5py.File(tmp_path / "x.nir", "a") as file:
        outer = file["nodes"].create_group("outer")
        outer.attrs["__type__"] = "NIRGraphData"
        file.copy("nodes/input", outer.create_group("nodes"), "lif")
    found = read_nir_data(tmp_path / "x.nir")
    assert list(found.nodes["outer"].nodes["lif"].observables) == ["spikes"]
    np.testing.assert_array_equal(to_inputs(program(), found)["input"], X)
    assert list(nir.read_data(tmp_path / "x.nir").nodes) == ["input", "outer"]


def test_dt_and_sizes_have_to_agree():
    assert "input input [dt]: recorded at dt = 0.002 s, the network runs at 0.001 s" in refused(
        gridded(dt=2e-3)
    )
    assert "[shape]: 2 neurons are recorded, the port has 3 (3,)" in refused(gridded(X[:, :, :2]))
    many = nir.NIRNodeData({"voltages": gridded(), "currents": gridded()})
    assert "observables voltages, currents, expected one or spikes" in refused(many)
    assert "observables none" in refused(nir.NIRNodeData({}))


def events(idx, time, n=3, t_max=0.005):
    return nir.EventData(np.array([idx]), np.array([time], dtype=float), n, t_max)


def test_times_are_binned_exactly():
    """3 * 1e-3 is below 0.003 in binary; nir's own floor puts it into step 2."""
    found = to_inputs(program(), events([0, 1, 2, -1], [3 * 1e-3, 0.0045, 0.0, np.inf]))["input"]
    assert found.shape == (5, 1, 3)
    assert [tuple(int(n) for n in place) for place in np.argwhere(found)] == [
        (0, 0, 2),
        (3, 0, 0),
        (4, 0, 1),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (events([0, 0], [1e-3, 1.5e-3]), "1 spikes fall into a step of 0.001 s in which"),
        (events([3], [1e-3]), "1 events lie outside 5 steps x 3 neurons"),
        (events([-2], [1e-3]), "1 events lie outside"),
        (events([0], [5e-3]), "1 events lie outside"),
        (events([0], [-1e-3]), "1 events lie outside"),
        (events([0], [np.nan]), "1 events lie outside"),
        (events([0], [np.inf]), "1 events lie outside"),
        (events([0], [1e-3], t_max=0.0055), "t_max = 0.0055 s is no whole number of steps"),
        (events([0], [1e-3], t_max=np.nan), "t_max = nan s is no whole number of steps"),
        (events([0], [1e-3], n=10**12), "1000000000000 neurons are recorded, the port has 3"),
        (events([0], [1e-3], t_max=1e9), "(samples, steps, neurons) are too many"),
    ],
)
def test_events_that_have_no_place(data, words):
    assert words in refused(data)


def test_values_in_one_step_add_up():
    idx, time = np.array([[0, 0, 1]]), np.array([[1e-3, 1.2e-3, 2e-3]])
    data = nir.ValuedEventData(idx, time, 3, 5e-3, value=np.array([[0.5, 0.25, -1.0]]))
    found = to_inputs(program(), data)["input"]
    assert (found[1, 0, 0], found[2, 0, 1], np.abs(found).sum()) == (0.75, -1.0, 1.75)


def test_a_trace_as_nir_data(tmp_path):
    reset = nir.LIF(np.full(2, 1e-2), np.full(2, 10.0), np.zeros(2), np.ones(2), np.full(2, -0.5))
    nodes = {**small_graph().nodes, "lif": reset}
    net = nir.NIRGraph(nodes, small_graph().edges, type_check=False)
    trace = pipeline.run(net, X * 2.0, dt=DT, probe="all")
    write_nir_data(tmp_path / "t.nir", from_trace(trace))
    found = nir.read_data(tmp_path / "t.nir").nodes["lif"].observables
    assert set(found) == {"spikes", "voltages", "currents"}
    assert all(o.dt == DT and o.shape == (2, 20, 2) for o in found.values())
    spikes = found["spikes"].data.transpose(1, 0, 2)
    assert spikes.dtype == bool and spikes.any()
    np.testing.assert_array_equal(spikes, trace.output)
    meant = pipeline.interpret(net, X * 2.0, dt=DT).states["lif/v"]  # NIR's own axis
    np.testing.assert_allclose(found["voltages"].data.transpose(1, 0, 2), meant, atol=1e-12)
    again = read_nir_data(tmp_path / "t.nir").nodes["lif"].observables
    for key, observable in found.items():
        np.testing.assert_array_equal(again[key].data, observable.data)


def test_a_fixed_trace_is_in_real_units():
    trace = reference.run(fixed_program(), np.ones((6, 2, 1, 4, 4), dtype=int), probe="all")
    nodes = from_trace(trace).nodes
    assert nodes["c"].observables["voltages"].data.shape == (2, 6, 5)
    np.testing.assert_array_equal(
        nodes["c"].observables["voltages"].data.transpose(1, 0, 2), trace.output / 64.0
    )
    assert set(nodes["a"].observables) == {"spikes", "voltages", "currents"}
    assert nodes["a"].observables["spikes"].data.shape == (2, 6, 32)


def test_spikes_as_events(tmp_path):
    """nir puts the events of a file back on the grid that it reads without them; so do we."""
    silent = X.copy()
    silent[:, 1] = False
    trace = pipeline.run(small_graph(), silent, dt=DT, probe="all")
    path = tmp_path / "t.nir"
    neurodeploy.write_trace(path, trace, events=True)
    found = nir.read_data(path).nodes["lif"].observables
    assert isinstance(found["voltages"], nir.TimeGriddedData)
    spikes = found["spikes"]
    assert type(spikes) is nir.EventData
    assert trace.output[:, 0].any() and not trace.output[:, 1].any()
    assert (np.diff(spikes.time[0]) >= 0).all() and (spikes.idx[1] == -1).all()
    # half a step later, since nir's floor(k dt / dt) may be k - 1
    shifted = nir.EventData(spikes.idx, spikes.time + DT / 2, spikes.n_neurons, spikes.t_max)
    grid = shifted.to_time_gridded(DT * (1 - 1e-9)).data
    np.testing.assert_array_equal(grid.transpose(1, 0, 2), trace.output)
    two = np.array([2])
    nodes = {"lif": nir.Input({"input": two}), "echo": nir.Threshold(np.full(2, 0.5))}
    nodes["out"] = nir.Output({"output": two})
    echo = nir.NIRGraph(nodes, [("lif", "echo"), ("echo", "out")], type_check=False)
    recorded = neurodeploy.read_nir_data(path).nodes["lif"]
    again = pipeline.run(echo, nir.NIRGraphData({"lif": recorded}), dt=DT)
    np.testing.assert_array_equal(again.output, trace.output)


def test_graded_spikes_are_events_with_their_values(tmp_path):
    write_random_file(tmp_path / "a.net", 17, "sdnn", 1, 2)
    program = read_netx(tmp_path / "a.net", dt=DT)
    x = np.random.default_rng(0).integers(-60, 60, size=(30, 2, *program.inputs[0].shape))
    trace = reference.run(program, x, probe="all")
    write_trace(tmp_path / "t.nir", trace, events=True)
    found = nir.read_data(tmp_path / "t.nir").nodes
    graded = [n for n in found if "spikes" in found[n].observables and program.is_graded(n)]
    assert graded
    for name in graded:
        events, values = found[name].observables["spikes"], trace.real(f"{name}/s")
        assert type(events) is nir.ValuedEventData
        grid = np.zeros((30, 2, program.neuron(name).size))
        for sample in range(2):
            real = events.idx[sample] >= 0
            steps = np.rint(events.time[sample][real] / DT).astype(int)
            grid[steps, sample, events.idx[sample][real]] = events.value[sample][real]
        np.testing.assert_array_equal(grid, values.reshape(grid.shape))
        assert grid.any()


@pytest.fixture
def work(tmp_path):
    write_nir(tmp_path / "net.nir", small_graph(), {"dt": DT})
    nir.write_data(tmp_path / "x.nir", recording(gridded()))
    np.save(tmp_path / "x.npy", X)
    return tmp_path


def test_on_the_command_line(work, capsys):
    run_it = ("run", work / "net.nir", "--input")
    assert run(*run_it, work / "x.nir", "-o", work / "a.npz") == 0
    assert run(*run_it, work / "x.npy", "-o", work / "b.npz") == 0
    with np.load(work / "a.npz") as a, np.load(work / "b.npz") as b:
        np.testing.assert_array_equal(a["output"], b["output"])
    assert run(*run_it, work / "x.nir", "-o", work / "t.nir", "--probe", "lif") == 0
    assert run(*run_it, work / "x.nir", "-o", work / "t.nir") == 0  # over NIRData it may write
    assert list(nir.read_data(work / "t.nir").nodes["lif"].observables) == ["spikes"]
    assert run(*run_it, work / "x.nir", "-o", work / "t.nir", "--events") == 0
    assert type(nir.read_data(work / "t.nir").nodes["lif"].observables["spikes"]) is nir.EventData
    calibrate = ("--calibrate", work / "x.nir", "-o", work / "net.ndp")
    assert run("compile", work / "net.nir", *calibrate) == 0
    assert run("run", work / "net.ndp", "--input", work / "x.nir", "-o", work / "t.nir") == 0
    capsys.readouterr()
    assert run(*run_it, work / "x.nir", "-o", work / "u.npz", "--events") == 2
    assert "u.npz [events]: events are NIRData, and this is none; write a .nir" in (
        capsys.readouterr().err
    )
    assert run(*run_it, work / "x.nir", "-o", work / "x.nir") == 2
    assert "x.nir [output]: is read by this command" in capsys.readouterr().err
    assert run(*run_it, work / "net.nir", "-o", work / "u.nir") == 2
    assert "net.nir [nir-data]: holds a graph, no recorded data" in capsys.readouterr().err
    assert run("run", work / "x.nir", "--input", work / "x.nir", "-o", work / "u.nir") == 2
    assert "holds recorded data (NIRData), no graph" in capsys.readouterr().err


def test_one_array_per_input_on_the_command_line(tmp_path, capsys):
    write_nir(tmp_path / "net.nir", two_inputs(), {"dt": DT})
    np.savez(tmp_path / "x.npz", input=X, side=~X, other=np.zeros(1))
    np.savez(tmp_path / "one.npz", input=X)
    net = tmp_path / "net.nir"
    assert run("run", net, "--input", tmp_path / "x.npz", "-o", tmp_path / "t.npz") == 0
    expected = pipeline.run(two_inputs(), {"input": X, "side": ~X}, dt=DT).output
    with np.load(tmp_path / "t.npz") as saved:
        np.testing.assert_array_equal(saved["output"], expected)
    compiled = ("--calibrate", tmp_path / "x.npz", "-o", tmp_path / "net.ndp")
    assert run("compile", net, *compiled) == 0
    capsys.readouterr()
    assert run("run", net, "--input", tmp_path / "one.npz", "-o", tmp_path / "t.npz") == 2
    assert "[array]: one array, and the inputs are input, side; save an .npz with one array" in (
        capsys.readouterr().err
    )


def test_wrong_files(tmp_path):
    import h5py

    def with_change(change) -> str:
        nir.write_data(tmp_path / "x.nir", recording(gridded().to_event(80)))
        with h5py.File(tmp_path / "x.nir", "a") as file:
            change(file["nodes/input/observables/spikes"])
        with pytest.raises(DataError) as caught:
            read_nir_data(tmp_path / "x.nir")
        return str(caught.value)

    def set_attribute(key, value):
        return lambda group: group.attrs.__setitem__(key, value)

    assert "input.spikes [nir-data]: is of the type 'X'" in with_change(
        set_attribute("__type__", "X")
    )
    assert "spikes.t_max [nir-data]: is -1.0, expected" in with_change(set_attribute("t_max", -1.0))
    assert "spikes.n_neurons [nir-data]: is 'a'" in with_change(set_attribute("n_neurons", "a"))
    assert "spikes.idx [nir-data]: is empty" in with_change(lambda g: g.__delitem__("idx"))

    def replace_idx(values):
        def change(group):
            del group["idx"]
            group["idx"] = values

        return change

    assert "spikes [shape]: its fields differ in shape" in with_change(replace_idx([[1]]))
    assert "spikes.idx [nir-data]: has shape (1,), expected 2 axes" in with_change(replace_idx([1]))
    assert "spikes.idx [nir-data]: holds no integers" in with_change(replace_idx(np.zeros((2, 80))))


def test_a_graph_is_not_written_over(work):
    with pytest.raises(ConfigError, match="a file stands there that holds no NIRData"):
        write_nir_data(work / "net.nir", recording(gridded()))
    (work / "odd.nir").write_text("hello")
    with pytest.raises(ConfigError, match="a file stands there that holds no NIRData"):
        write_nir_data(work / "odd.nir", recording(gridded()))
