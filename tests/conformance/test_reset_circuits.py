"""snnTorch's resets, from the module to one population of the chip, on every backend."""

from __future__ import annotations

import nir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

import neurodeploy  # noqa: E402
from neurodeploy import pipeline  # noqa: E402
from neurodeploy.backends import cpu, lava, reference  # noqa: E402
from neurodeploy.frontends.snntorch import replay, to_nir  # noqa: E402

DT = 1e-3
ZERO = {"reset_mechanism": "zero"}
PROMPT = {"reset_delay": False}
BETA = torch.tensor([0.5, 0.75, 0.5, 0.875, 0.25])


class Net(nn.Module):
    """Linear and a neuron of five; what it returns at every step."""

    def __init__(self, neuron: nn.Module, reads: tuple[int, ...]) -> None:
        super().__init__()
        self.linear, self.neuron, self.reads = nn.Linear(3, 5, bias=False), neuron, reads
        weights = np.random.default_rng(3).normal(0.5, 0.4, size=(5, 3))
        self.linear.weight.data = torch.tensor(weights).float()

    def forward(self, x):
        states = self.neuron(self.linear(x))
        found = tuple(states[i] for i in self.reads)
        return found if len(found) > 1 else found[0]


def rleaky(**options):
    neuron = snn.RLeaky(beta=BETA, linear_features=5, init_hidden=False, **options)
    neuron.recurrent.weight.data = torch.eye(5) * 0.25 - 0.125
    neuron.recurrent.bias.data = torch.zeros(5)
    return neuron


def rsynaptic(**options):
    """Its recurrent bias enters the current in every step, beside the Linear's."""
    neuron = snn.RSynaptic(alpha=0.25, beta=BETA, linear_features=5, **options)
    neuron.recurrent.weight.data = torch.eye(5) * 0.25 - 0.125
    neuron.recurrent.bias.data = torch.linspace(-0.1, 0.2, 5)
    return neuron


NETS = {
    "delayed": (Net(snn.Leaky(beta=BETA), (0,)), ["soft_lif"]),
    "delayed, membrane": (Net(snn.Leaky(beta=BETA), (1,)), ["soft_lif_membrane"]),
    "no reset, membrane": (
        Net(snn.Leaky(beta=BETA, reset_mechanism="none"), (1,)),
        ["integrator"],
    ),
    "at once": (Net(snn.Leaky(beta=BETA, **PROMPT), (0,)), ["soft_lif_at_once"]),
    "at once, membrane": (
        Net(snn.Leaky(beta=BETA, **PROMPT), (1,)),
        ["soft_lif_at_once_membrane"],
    ),
    "at once, current": (
        Net(snn.Synaptic(alpha=0.5, beta=BETA, **PROMPT), (0,)),
        ["soft_lif_at_once"],
    ),
    "lost step": (Net(snn.Synaptic(alpha=0.25, beta=BETA, **ZERO), (0,)), ["refractory_lif"]),
    "delayed, recurrent current": (Net(rsynaptic(), (0,)), ["cuba_lif", "soft_lif"]),
    "lost step, recurrent current": (
        Net(rsynaptic(**ZERO), (0,)),
        ["cuba_lif", "refractory_lif"],
    ),
    "lost step, recurrent": (Net(rleaky(**ZERO), (0,)), ["refractory_lif"]),
    "recurrent, membrane": (Net(rleaky(), (1,)), ["soft_lif", "soft_lif_membrane"]),
    "Lapicque": (Net(snn.Lapicque(R=1.0, C=2.0, threshold=0.5, **ZERO), (0,)), ["refractory_lif"]),
}


@pytest.mark.parametrize("name", NETS)
def test_a_reset_is_one_neuron_of_the_chip(name: str, session: lava.Session) -> None:
    net, models = NETS[name]
    x = (np.random.default_rng(0).random((60, 2, 3)) < 0.6).astype(float)
    graph = to_nir(net, (3,), dt=DT).graph
    compiled = neurodeploy.compile(graph, "loihi2", calibration=x, dt=DT)
    assert sorted(n.model for n in compiled.real.neurons) == models
    expected = replay(net, x)["output"]
    real = pipeline.run(compiled.real, x).output
    np.testing.assert_allclose(real, expected, rtol=0, atol=1e-12)
    fixed = reference.run(compiled.program, x, probe="all")
    for trace in (
        cpu.run(compiled.program, x, probe="all"),
        lava.run(compiled.program, x, probe="all", session=session),
    ):
        for key, values in fixed.states.items():
            np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
    output = compiled.program.outputs[0]
    if compiled.program.is_graded(output):
        assert np.abs(fixed.real(output) - expected).mean() < 0.02 * np.abs(expected).max()
    else:
        assert expected.mean() > 0.05
        assert (fixed.aligned(output) != expected).mean() < 0.02


def test_spikes_and_membrane_of_a_circuit_that_are_both_read() -> None:
    """Two populations with the same integers: one sends the spikes, one the membrane."""
    net, _ = NETS["recurrent, membrane"]
    x = (np.random.default_rng(1).random((50, 1, 3)) < 0.6).astype(float)
    compiled = neurodeploy.compile(to_nir(net, (3,), dt=DT).graph, "loihi2", calibration=x, dt=DT)
    trace = pipeline.run(compiled.program, x, probe="all")
    spiking, membrane = (n.name for n in sorted(compiled.program.neurons, key=lambda n: n.model))
    np.testing.assert_array_equal(trace.aligned(f"{spiking}/v"), trace.aligned(membrane))
    assert trace.states[f"{spiking}/s"].any()


@pytest.mark.parametrize(
    ("name", "suffix", "factor"),
    [("at once", "_reset", 0.9), ("at once", "_owed", 1.1), ("lost step", "_force", 2.0**-40)],
)
def test_a_circuit_that_means_something_else_is_no_reset(
    name: str, suffix: str, factor: float
) -> None:
    """It is still lowered, as the nodes that it consists of, and means what the graph means."""
    net, models = NETS[name]
    graph = to_nir(net, (3,), dt=DT).graph
    node = next(n for key, n in graph.nodes.items() if key.endswith(suffix))
    node.scale = node.scale * factor
    assert isinstance(node, nir.Scale)
    program = pipeline.load(graph, DT)
    assert models[0] not in {n.model for n in program.neurons}
    x = (np.random.default_rng(2).random((200, 1, 3)) < 0.6).astype(float)
    np.testing.assert_array_equal(
        pipeline.run(program, x).output, pipeline.interpret(graph, x, dt=DT).output
    )
