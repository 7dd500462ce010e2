"""The Norse frontend's own rules: dt, states, parameters, the choice of a frontend."""

from __future__ import annotations

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
norse = pytest.importorskip("norse.torch")
from torch import nn, tensor  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.agreement import verify  # noqa: E402
from neurodeploy.errors import (  # noqa: E402
    BackendUnavailable,
    UnsupportedLayer,
    VerificationError,
)
from neurodeploy.frontends.norse import replay, source_hash, to_nir  # noqa: E402
from tests.unit.test_cli import run  # noqa: E402

DT = 1e-3


def data(*shape, steps=200, gain=4.0):
    return np.random.default_rng(0).normal(0.2, 1.0, size=(steps, 2, *shape)) * gain


def same_spikes(module, x, **options):
    export = to_nir(module, x.shape[2:], dt=DT, **options)
    expected = replay(module, x)["output"]
    meant = pipeline.interpret(export.graph, x, dt=DT).outputs["output"]
    assert expected.any()
    np.testing.assert_allclose(meant, expected, atol=1e-12)
    return export


def refusal(module, shape=(6,), **options):
    with pytest.raises(UnsupportedLayer) as caught:
        to_nir(module, shape, dt=DT, **options)
    return [d.rule for d in caught.value.diagnostics], str(caught.value)


def test_another_dt_is_refused_and_its_loss_named():
    module = norse.LIFCell(dt=5e-4)
    rules, text = refusal(module)
    assert rules == ["dt"]
    assert "export with dt=0.0005" in text
    export = to_nir(module, (6,), dt=DT, allow_lossy=True)
    assert export.manifest["lossy"] == [
        "lifcell: steps of 0.0005 s count as 0.001 s: time constants are 2 times as long"
    ]
    node = export.graph.nodes["lifcell"]
    np.testing.assert_allclose(node.tau_mem, 2e-2)  # 10 ms in the module
    x = data(6)
    meant = pipeline.interpret(export.graph, x, dt=DT).outputs["output"]
    np.testing.assert_array_equal(meant, replay(module, x)["output"])  # step for step


def test_a_box_neuron_is_one_lif_with_its_own_parameters():
    p = norse.LIFBoxParameters(tau_mem_inv=tensor(50.0), v_th=tensor(0.5), v_reset=tensor(-0.25))
    export = to_nir(norse.LIFBoxCell(p), (6,), dt=DT)
    node = export.graph.nodes["lifboxcell"]
    np.testing.assert_allclose(node.tau, 0.02, rtol=1e-15)
    for key, value in (("r", 1.0), ("v_leak", 0.0), ("v_threshold", 0.5), ("v_reset", -0.25)):
        np.testing.assert_array_equal(getattr(node, key), np.full(6, value))
    assert export.manifest["reset"] == {"lifboxcell": "to v_reset"}
    assert export.manifest["notes"] == []


def test_voltages_are_relative_to_where_norse_starts():
    p = norse.LIFParameters(v_leak=tensor(-65.0), v_th=tensor(-50.0), v_reset=tensor(-65.0))
    export = same_spikes(norse.LIFCell(p), data(6, gain=60.0))
    node = export.graph.nodes["lifcell"]
    assert (node.v_leak == 0).all() and (node.v_reset == 0).all() and (node.v_threshold == 15).all()
    assert export.manifest["notes"] == [
        "lifcell: voltages are relative to v_leak, where Norse starts"
    ]
    assert export.manifest["reset"] == {"lifcell": "zero"}


class FromState(nn.Module):
    """A cell whose first state is made by hand, with v at `start`."""

    def __init__(self, start):
        super().__init__()
        self.start, self.cell = start, norse.LIFCell(norse.LIFParameters(v_leak=tensor(0.25)))

    def forward(self, x):
        state = norse.LIFFeedForwardState(
            v=torch.full(x.shape[1:], self.start), i=torch.zeros(x.shape[1:])
        )
        steps = []
        for x_t in x:
            z, state = self.cell(x_t, state)
            steps.append(z)
        return torch.stack(steps)


def test_a_first_state_must_be_norses_rest():
    same_spikes(FromState(0.25), data(6))
    assert refusal(FromState(0.0))[0] == ["state-changed"]


class Feedback(nn.Module):
    """The output of the step before is added to the input: what RecurrentSequential does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.cell = nn.Linear(6, 6), norse.LIFBoxCell()

    def forward(self, x):
        z = state = None
        steps = []
        for x_t in x:
            z, state = self.cell(self.linear(x_t if z is None else x_t + z), state)
            steps.append(z)
        return torch.stack(steps)


def test_feedback_through_the_loop_is_a_recurrent_edge():
    export = same_spikes(Feedback(), data(6, gain=8.0))
    assert export.manifest["recurrent"] == [["cell", "linear"]]


def state_tuple(self, x, state):
    first, last = state if state is not None else (None, None)
    z, first = self.first(self.weights(x), first)
    v, last = self.last(z, last)
    return v, (first, last)


def state_names(self, x, first=None, last=None):
    z, first = self.first(self.weights(x), first)
    v, last = self.last(z, last)
    return v, first, last


@pytest.mark.parametrize("forward", [state_tuple, state_names])
def test_states_go_round_through_the_caller(forward):
    class Step(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.weights, self.first, self.last = nn.Linear(6, 4), norse.LIFCell(), norse.LICell()

    Step.forward = forward
    export = same_spikes(Step(), data(6))
    assert export.manifest["loop"] == "outside"
    assert set(export.graph.nodes) == {"input", "weights", "first", "last", "output"}


class OwnParameters(nn.Module):
    """Parameters as a module, which Norse's docstrings allow."""

    def __init__(self):
        super().__init__()
        self.tau_mem_inv = nn.Parameter(torch.linspace(50.0, 150.0, 6))
        self.v_leak, self.v_reset = tensor(0.1), tensor(0.05)
        self.v_th = nn.Parameter(tensor(0.7))
        self.method, self.alpha, self.reset_method = "super", 100.0, norse.reset_value


def test_parameters_may_be_learned_or_a_module():
    same_spikes(norse.LIFBoxCell(OwnParameters()), data(6))
    scaled = nn.Parameter(torch.linspace(0.5, 1.5, 6)) * 2.0  # no leaf of its graph
    same_spikes(norse.LIFCell(norse.LIFParameters(v_th=scaled)), data(6))


def test_plain_weights_are_the_cells_own():
    torch.manual_seed(0)
    options = {"input_weights": torch.randn(4, 6), "recurrent_weights": torch.randn(4, 4)}
    cell = norse.LIFRecurrentCell(6, 4, autapses=True, **options)
    graph = same_spikes(cell, data(6)).graph
    np.testing.assert_array_equal(
        graph.nodes["lifrecurrentcell_recurrent"].weight, options["recurrent_weights"]
    )
    with torch.no_grad():
        options["input_weights"][0, 0] = float("nan")
    assert refusal(cell)[0] == ["finite"]


def test_a_parameter_that_fits_no_neuron_and_one_that_is_nan_are_both_named():
    p = norse.LIFBoxParameters(v_th=torch.ones(2, 1, 6), v_leak=tensor(float("nan")))
    rules, _ = refusal(norse.LIFBoxCell(p))
    assert rules == ["finite", "v_th-shape"]


def test_a_weight_that_is_nan_is_named_by_its_path():
    cell = norse.LIFRecurrentCell(6, 4)
    with torch.no_grad():
        cell.input_weights[0, 0] = float("nan")
    with pytest.raises(VerificationError, match="input_weights"):
        to_nir(cell, (6,), dt=DT)


def test_a_subclass_is_refused_since_it_may_differ():
    class Mine(norse.LIFCell):
        pass

    assert "export a plain LIFCell" in refusal(Mine())[1]


def test_an_activation_of_ones_own_is_refused():
    cell = norse.LIFCell()
    cell.activation = lambda x, state, p, dt: (x, state)
    assert refusal(cell)[0] == ["function"]


def test_the_source_hash_knows_parameters_that_no_state_dict_has():
    hashes = {
        source_hash(norse.LIFCell()),
        source_hash(norse.LIFCell(norse.LIFParameters(v_th=tensor(0.9)))),
        source_hash(norse.LIFCell(dt=2e-3)),
    }
    assert len(hashes) == 3
    assert source_hash(norse.LIFCell()) in hashes


# ---- the choice of a frontend


def test_the_pipeline_takes_the_frontend_of_the_neurons():
    module = norse.SequentialState(nn.Linear(6, 4), norse.LIFCell())
    export = pipeline.to_nir(module, (6,), dt=DT)
    assert "norse 1" in export.manifest["producer"]
    found = verify(export.graph, data(6, steps=50), dt=DT, module=module)
    assert any(d.left == "torch" for d in found) and all(d.agrees for d in found)


def test_neurons_of_two_frameworks_are_refused_by_name():
    snntorch = pytest.importorskip("snntorch")
    module = nn.Sequential(snntorch.Leaky(beta=0.9, init_hidden=True), norse.LIFCell())
    with pytest.raises(UnsupportedLayer) as caught:
        pipeline.to_nir(module, (6,), dt=DT)
    assert "Leaky of snntorch at 0 and LIFCell of norse at 1" in str(caught.value)


def test_norses_containers_may_hold_snntorchs_neurons():
    snntorch = pytest.importorskip("snntorch")
    step = nn.Sequential(nn.Linear(6, 4), snntorch.Leaky(beta=0.9, init_hidden=True))
    export = pipeline.to_nir(norse.Lift(step), (6,), dt=DT)
    assert "snntorch" in export.manifest["producer"]


def test_a_missing_package_is_named(monkeypatch):
    module = norse.LIFCell()
    for name in [n for n in sys.modules if n.split(".")[0] == "norse"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in [n for n in sys.modules if n.startswith("neurodeploy.frontends.norse")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(BackendUnavailable, match=r"norse.* is not installed"):
        pipeline.to_nir(module, (6,), dt=DT)


def test_the_command_line_exports_and_verifies(tmp_path, capsys):
    source = tmp_path / "net.py"
    source.write_text(
        "import torch, norse.torch as norse\n"
        "def build():\n"
        "    torch.manual_seed(0)\n"
        "    return norse.SequentialState(torch.nn.Linear(6, 4), norse.LIF())\n"
    )
    np.save(tmp_path / "x.npy", data(6, steps=60))
    graph, factory = str(tmp_path / "net.nir"), f"{source}:build"
    assert run("export", factory, "-o", graph, "--shape", "6", "--dt", "1e-3") == 0
    assert run("verify", graph, "--input", tmp_path / "x.npy", "--against", factory) == 0
    assert "torch = NIR" in capsys.readouterr().out
