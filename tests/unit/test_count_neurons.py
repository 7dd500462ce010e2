"""Neuron updates of torch modules: by their equation, as the Program that they become counts."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
norse = pytest.importorskip("norse.torch")
from torch import nn  # noqa: E402

import neurodeploy  # noqa: E402
from neurodeploy.bench.counting.neuron_arithmetic import NeuronArithmetic  # noqa: E402
from neurodeploy.bench.counting.torch_counter import count_ops  # noqa: E402
from neurodeploy.ir.lowering import lower  # noqa: E402
from neurodeploy.ir.neurons import NEURON_MODELS  # noqa: E402
from neurodeploy.primitives import PRIMITIVES  # noqa: E402

DT = 1e-3
SNNTORCH = {
    "leaky, subtract": snn.Leaky(beta=0.9, init_hidden=True),
    "leaky, zero": snn.Leaky(beta=0.9, init_hidden=True, reset_mechanism="zero", reset_delay=False),
    "synaptic, subtract": snn.Synaptic(alpha=0.5, beta=0.9, init_hidden=True),
    "lapicque, subtract": snn.Lapicque(beta=0.9, init_hidden=True),
}


def neuron_row(module, x):
    record = count_ops(module, x, samples=len(x))
    (row,) = (row for row in record.layers if row.op == "neuron")
    return row, record


@pytest.mark.parametrize("name", SNNTORCH)
def test_a_neuron_of_snntorch_costs_what_its_program_does(name):
    net = nn.Sequential(nn.Linear(4, 3), SNNTORCH[name])
    row, _ = neuron_row(net, torch.rand(5, 4))
    program = lower(neurodeploy.to_nir(net, (4,), dt=DT).graph, DT, PRIMITIVES)
    (neuron,) = (n for n in program.neurons if n.shape == (3,))
    cost = NEURON_MODELS[neuron.model].cost({**neuron.params, "bias": 0.0})
    assert row.updates == 15
    assert (row.multiplies, row.adds) == (15 * cost.multiplies, 15 * cost.adds)
    assert row.compares == 15 * cost.compares
    assert row.state_reads == row.state_writes == row.state_bytes // (4 * 3) * 15


def test_spikes_and_what_they_do_next():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 30), snn.Leaky(beta=0.9, init_hidden=True), nn.Linear(30, 2))
    row, record = neuron_row(net, 5 * torch.rand(6, 4))
    after = record.layers[-1]
    assert 0 < row.spikes_out == after.spikes_in < 180
    assert after.effective.binary == 2 * row.spikes_out
    assert not record.uncounted
    assert {r.op for r in record.layers} == {"linear", "neuron"}


def test_recurrent_weights_inside_a_neuron_are_products():
    net = snn.RLeaky(beta=0.9, linear_features=7, init_hidden=True)
    with torch.no_grad():
        net.spk = torch.ones(2, 7)
    record = count_ops(net, torch.rand(2, 7), samples=2)
    ops = {(row.name, row.op): row for row in record.layers}
    assert ops["recurrent", "linear"].dense_macs == 2 * 49
    assert ops["", "neuron"].adds == 14 * 3  # input, recurrent current and reset


@pytest.mark.parametrize(
    ("cell", "arithmetic", "states"),
    [
        (norse.LIFCell(), (2, 2, 1), 2),
        (norse.LIFBoxCell(), (1, 1, 1), 1),
        (norse.LICell(), (2, 2, 0), 2),
        (norse.LIBoxCell(), (1, 1, 0), 1),
        (norse.IAFCell(), (0, 1, 1), 1),
    ],
    ids=["lif", "lif_box", "li", "li_box", "iaf"],
)
def test_cells_of_norse(cell, arithmetic, states):
    row, record = neuron_row(cell, torch.rand(2, 5))
    assert (row.multiplies, row.adds, row.compares) == tuple(10 * n for n in arithmetic)
    assert (row.updates, row.state_reads, row.state_bytes) == (10, 10 * states, 4 * states * 5)
    assert record.layers == (row,)


def test_a_layer_of_norse_takes_all_steps_at_once():
    row, _ = neuron_row(norse.LIF(), torch.rand(7, 2, 5))
    assert (row.updates, row.state_bytes) == (70, 40)


def test_recurrent_cells_of_norse_hold_their_weights():
    record = count_ops(norse.LIFRecurrentCell(4, 3), torch.ones(2, 4), samples=2)
    ops = {row.op: row for row in record.layers}
    assert ops.keys() == {"linear", "neuron"}
    assert (ops["linear"].dense_macs, ops["linear"].effective.binary) == (2 * (12 + 9), 24)
    assert ops["neuron"].adds == 6 * 3


def test_options_that_change_the_equation_are_counted_operator_by_operator():
    net = snn.Leaky(beta=0.9, init_hidden=True, inhibition=True)
    record = count_ops(net, torch.rand(2, 5))
    assert "neuron" not in {row.op for row in record.layers}
    assert sum(row.multiplies for row in record.layers) > 0


def test_a_factor_on_spikes_is_a_multiplication_and_makes_them_graded():
    net = nn.Sequential(
        nn.Linear(4, 30),
        snn.Leaky(beta=0.9, init_hidden=True, graded_spikes_factor=0.5),
        nn.Linear(30, 2),
    )
    row, record = neuron_row(net, 9 * torch.rand(6, 4))
    assert row.multiplies == 2 * row.updates
    assert record.layers[-1].effective.graded == 2 * row.spikes_out > 0


def test_a_subclass_of_a_known_neuron_may_do_anything():
    class Squared(snn.Leaky):
        def forward(self, x):
            return super().forward(x * x)

    record = count_ops(Squared(beta=0.9, init_hidden=True), torch.rand(2, 5))
    assert {row.op for row in record.layers} == {"elementwise", "activation"}


def test_classes_of_your_own_may_be_given():
    class Quadratic(nn.Module):
        def forward(self, x):
            return (x * x > 0.5).float()

    cost = NeuronArithmetic("quadratic", multiplies=1, adds=0, compares=1, states=3)
    record = count_ops(Quadratic(), torch.rand(2, 5), neurons={Quadratic: cost})
    (row,) = record.layers
    assert (row.op, row.model, row.multiplies, row.state_reads) == ("neuron", "quadratic", 10, 30)
