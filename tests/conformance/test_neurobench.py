"""NeuroBench's metrics against neurobench 2.3.0 itself, and the faults where they part."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("neurobench", reason="neurobench is not installed")
from neurobench.models import SNNTorchModel, TorchModel  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from neurodeploy.bench.counting.neurobench import neurobench_metrics  # noqa: E402
from tests.neurobench_models import OverSteps, leaky, models, theirs  # noqa: E402

MODELS = models()


@pytest.mark.parametrize("name", MODELS)
def test_all_metrics_equal_neurobenchs(name):
    model, batch = MODELS[name]
    found = theirs(model, [batch])
    ours = neurobench_metrics(model.__net__(), [batch], model)
    operations = ours.synaptic_operations
    assert ours.parameter_count == found["ParameterCount"]
    assert ours.footprint.total == found["Footprint"]
    assert ours.connection_sparsity == found["ConnectionSparsity"]
    assert ours.activation_sparsity == found["ActivationSparsity"]
    assert found["SynapticOperations"] == {
        "Dense": operations.dense,
        "Effective_MACs": operations.effective_macs,
        "Effective_ACs": operations.effective_acs,
    }
    assert ours.membrane_updates == found["MembraneUpdates"]
    if "snn" in name and "recurrent" not in name:
        assert ours.neuron_operations is not None
        assert found["NeuronOperations"] == {
            "Effective Neuron Ops": ours.neuron_operations.effective,
            "Neuron Dense Ops": ours.neuron_operations.dense,
        }


def test_several_batches_add_up():
    model, batch = MODELS["conv2d snn"]
    batches = [batch[:2], batch[2:4], batch[4:]]
    found = theirs(model, batches)
    ours = neurobench_metrics(model.__net__(), batches, model)
    assert found["SynapticOperations"]["Effective_ACs"] == ours.synaptic_operations.effective_acs
    assert found["MembraneUpdates"] == ours.membrane_updates


def operations(net, batch):
    """Theirs and ours."""
    found = theirs(TorchModel(net), [batch])["SynapticOperations"]
    return found, neurobench_metrics(net, [batch]).synaptic_operations


def test_fault_a_root_that_is_a_layer_is_not_seen():
    found, ours = operations(nn.Linear(4, 3), torch.ones(2, 4))
    assert (found["Dense"], ours.dense) == (0, 12)


def test_fault_sums_are_rounded_to_float32():
    layer = nn.Linear(2049, 2049, device="meta").to_empty(device="cpu")
    nn.init.ones_(layer.weight)
    found, ours = operations(nn.Sequential(layer), torch.ones(1, 2049))
    assert ours.dense == 2049 * 2049 == 4_198_401  # one sample still fits ...
    found, ours = operations(nn.Sequential(layer), torch.ones(5, 2049))
    assert ours.dense * 5 == 20_992_005
    assert found["Dense"] * 5 != 20_992_005  # ... five are above 2^24


def test_fault_one_graded_sample_turns_the_whole_batch_to_macs():
    """Ours, too, by the convention "unit=call"; by the sample, half of it is accumulations."""
    from neurodeploy.bench.counting.torch_counter import count_ops

    net, batch = nn.Sequential(nn.Linear(4, 3)), torch.tensor([[1.0, 0, 1, 1], [0.5, 0, 1, 1]])
    found, _ = operations(net, batch)
    assert (found["Effective_ACs"], found["Effective_MACs"]) == (0, 9)
    record = count_ops(net, batch, samples=2)
    assert (record.effective_acs, record.effective_macs) == (9, 9)


def test_fault_cells_without_a_state_count_their_first_sample_alone():
    class Once(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.RNNCell(4, 3)

        def forward(self, x):
            return self.cell(x)

    found, ours = operations(Once(), torch.ones(5, 4))
    assert found["Effective_ACs"] == 12 / 5
    assert ours.effective_acs == 12


def test_fault_the_dense_count_of_an_lstm_cell_depends_on_its_state():
    class FromRest(OverSteps):
        def forward(self, x):
            rest = torch.zeros(len(x), self.cell.hidden_size)
            return self.cell(x, (rest, rest))[0]

    found, ours = operations(FromRest(nn.LSTMCell(25, 5)), torch.rand(2, 25))
    assert ours.dense == 4 * 5 * (25 + 5) + 3 * 5 == 615
    assert found["Dense"] == 4 * 5 * 25 + 2 * 5 == 510


def test_fault_a_graded_state_is_booked_by_the_input_alone():
    class Step(OverSteps):
        def forward(self, x):
            return self.cell(x, torch.full((len(x), 3), 0.5))

    found, ours = operations(Step(nn.RNNCell(4, 3)), torch.ones(2, 4))
    assert (found["Effective_ACs"], found["Effective_MACs"]) == (21, 0)
    assert (ours.effective_acs, ours.effective_macs) == (12, 9)


def test_fault_a_sigmoid_of_nothing_is_taken_for_zero():
    """z = sigmoid(0) = 1/2: the products z h and (1 - z) n of a GRU are made all the same."""

    class Step(OverSteps):
        def forward(self, x):
            return self.cell(x, torch.ones(len(x), 3))

    cell = nn.GRUCell(4, 3)
    for parameter in cell.parameters():
        nn.init.zeros_(parameter)
    found, ours = operations(Step(cell), torch.ones(2, 4))
    assert found["Effective_ACs"] == 0
    assert ours.effective_macs == 3  # z h


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_fault_recurrent_layers_raise(kind):
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = kind(4, 3, batch_first=True)

        def forward(self, x):
            return self.layer(x)[0]

    found, ours = operations(Layer(), torch.rand(2, 5, 4))
    assert isinstance(found, TypeError)
    gates = {nn.RNN: 1, nn.LSTM: 4, nn.GRU: 3}[kind]
    assert ours.dense == 5 * gates * 3 * (4 + 3)


def test_fault_functions_transposed_convolutions_and_attention_are_not_seen():
    class Functions(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(6, 6)
            self.up = nn.ConvTranspose1d(1, 1, 3)

        def forward(self, x):
            return functional.relu(
                functional.linear(self.up(x[:, None])[:, 0, 1:-1], self.inner.weight)
            )

    net, x = Functions(), torch.rand(2, 6)
    found = theirs(TorchModel(net), [x])
    assert found["SynapticOperations"]["Dense"] == 0
    assert found["ActivationSparsity"] == 0.0
    from neurodeploy.bench.counting.torch_counter import count_ops

    record = count_ops(net, x, samples=2)
    assert record.dense_macs == 2 * (36 + 6 * 3)
    assert [row.op for row in record.layers if row.spikes_out] == ["activation"]


def test_fault_layers_of_one_name_share_a_sparsity():
    from neurobench.metrics.workload import ActivationSparsityByLayer

    net = nn.Sequential(nn.Sequential(nn.ReLU()), nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    model, x = TorchModel(net), torch.tensor([[1.0, -1.0]])
    model.register_hooks()
    found = ActivationSparsityByLayer()(model, model(x), (x, None))
    model.cleanup_hooks()
    assert list(found) == ["0"]
    ours = neurobench_metrics(net, [x]).activation_sparsity_by_layer
    assert list(ours) == ["0.0", "2.0"]
    assert ours["0.0"] == 0.5


def test_fault_the_footprint_grows_once_the_network_has_run():
    model, batch = SNNTorchModel(nn.Sequential(nn.Linear(7, 9), leaky(True))), torch.ones(2, 5, 7)
    before = theirs(model, [])["Footprint"]
    after = theirs(model, [batch])["Footprint"]
    assert after - before == 2 * 9 * 4
    ours = neurobench_metrics(model.__net__(), [batch], model).footprint
    assert ours.total - ours.state == before


def test_fault_a_neuron_without_an_entry_has_no_neuron_operations():
    model, batch = MODELS["recurrent snn"]
    assert isinstance(theirs(model, [batch])["NeuronOperations"], KeyError)
    assert neurobench_metrics(model.__net__(), [batch], model).neuron_operations is None
