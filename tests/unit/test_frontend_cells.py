"""Every exact neuron, reset, parameter kind, layer and style: spike for spike in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.frontends.snntorch import to_nir  # noqa: E402

STEPS, BATCH, DT = 125, 8, 1e-3

LEAKY = {
    "zero": {"reset_mechanism": "zero"},
    "zero-immediate": {"reset_mechanism": "zero", "reset_delay": False},
    "subtract": {"reset_mechanism": "subtract"},
    "subtract-immediate": {"reset_mechanism": "subtract", "reset_delay": False},
    "none": {"reset_mechanism": "none"},
}
CELLS = [*((snn.Leaky, k) for k in LEAKY), *((snn.Synaptic, k) for k in LEAKY)]
LAYERS = {"dense": ((7,), (11,)), "conv": ((2, 5, 6), (3, 5, 6))}
STYLES = ("sequential", "step", "loop")


def step_function(x):
    """snnTorch's surrogates return float32 spikes, which float64 layers do not take."""
    return (x > 0).to(x.dtype)


def neuron(kind, options, params, shape, **more):
    generator = np.random.default_rng(3)
    values = {"beta": 0.85, "threshold": 0.7, "alpha": 0.6}
    if params == "vector":
        each = (shape[0], 1, 1) if len(shape) == 3 else shape
        values = {
            "beta": torch.tensor(generator.uniform(0.5, 1.0, each)),
            "threshold": torch.tensor(generator.uniform(0.3, 1.2, each)),
            "alpha": torch.tensor(generator.uniform(0.2, 0.9, each)),
        }
    if kind is snn.Leaky:
        values.pop("alpha")
    return kind(spike_grad=step_function, **values, **options, **more)


def layer(name):
    torch.manual_seed(1)
    if name == "conv":
        return nn.Conv2d(2, 3, 3, padding=1, bias=False)
    return nn.Linear(7, 11, bias=False)


class Step(nn.Module):
    """One step; the caller keeps the states."""

    def __init__(self, layer, neuron):
        super().__init__()
        self.layer, self.neuron = layer, neuron


class LeakyStep(Step):
    def forward(self, x, mem):
        return self.neuron(self.layer(x), mem)


class SynapticStep(Step):
    def forward(self, x, syn, mem):
        return self.neuron(self.layer(x), syn, mem)


class Loop(Step):
    """The time loop of snnTorch's tutorials."""

    def forward(self, x):
        state = self.neuron.reset_mem()
        state = state if isinstance(state, tuple) else (state,)
        record = []
        for t in range(x.shape[0]):
            spikes, *state = self.neuron(self.layer(x[t]), *state)
            record.append((spikes, state[-1]))
        return torch.stack([s for s, _ in record]), torch.stack([m for _, m in record])


def network(style, kind, options, params, layer_name):
    shape = LAYERS[layer_name][1]
    if style == "sequential":
        made = neuron(kind, options, params, shape, init_hidden=True, output=True)
        return nn.Sequential(layer(layer_name), made).double()
    made = neuron(kind, options, params, shape)
    classes = {"loop": Loop, "step": LeakyStep if kind is snn.Leaky else SynapticStep}
    return classes[style](layer(layer_name), made).double()


def torch_outputs(net, style, x):
    """Spikes and membranes `(T, B, *shape)` of the module itself, run as its user would."""
    x = torch.from_numpy(x)
    with torch.no_grad():
        if style == "loop":
            return tuple(out.numpy() for out in net(x))
        states = [torch.zeros(0)] * (2 if isinstance(net, SynapticStep) else 1)
        record = []
        for step in x:
            spikes, *states = net(step) if style == "sequential" else net(step, *states)
            record.append((spikes.numpy().copy(), states[-1].numpy().copy()))
    return np.stack([s for s, _ in record]), np.stack([m for _, m in record])


@pytest.mark.parametrize(
    ("cell", "params", "layer_name", "style"),
    itertools.product(CELLS, ("scalar", "vector"), LAYERS, STYLES),
    ids=lambda v: f"{v[0].__name__}-{v[1]}" if isinstance(v, tuple) else str(v),
)
def test_cell_spikes_as_the_module_does(cell, params, layer_name, style):
    kind, reset = cell
    net = network(style, kind, LEAKY[reset], params, layer_name)
    in_shape = LAYERS[layer_name][0]
    x = np.random.default_rng(0).normal(size=(STEPS, BATCH, *in_shape))
    export = to_nir(net, in_shape, dt=DT, output=0)
    spikes, _ = torch_outputs(net, style, x)
    trace = pipeline.run(export.graph, x, dt=DT)
    assert 0.01 < spikes.mean() < 0.9
    assert np.count_nonzero(trace.output != spikes) == 0
    assert export.manifest["lossy"] == []


@pytest.mark.parametrize("kind", [snn.Leaky, snn.Synaptic])
@pytest.mark.parametrize("style", STYLES)
def test_membrane_of_a_neuron_without_reset_is_the_default_output(kind, style):
    net = network(style, kind, LEAKY["none"], "vector", "dense")
    x = np.random.default_rng(0).normal(size=(STEPS, BATCH, 7))
    export = to_nir(net, (7,), dt=DT)
    _, membrane = torch_outputs(net, style, x)
    output = pipeline.run(export.graph, x, dt=DT).output
    np.testing.assert_allclose(output, membrane, rtol=0, atol=1e-12 * np.abs(membrane).max())
    assert "mem of" in export.manifest["notes"][0]
    assert not any(type(n).__name__ == "Threshold" for n in export.graph.nodes.values())


BETAS = {
    "0": 0.0,
    "1": 1.0,
    "above 1, which forward() clamps": 1.5,
    "mixed": [0.0, 1.0, 0.5, 0.999, 1.0, -0.2, 0.3],
}


@pytest.mark.parametrize("beta", BETAS.values(), ids=BETAS.keys())
@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c[0].__name__}-{c[1]}")
def test_decays_at_the_ends_of_their_range_are_exact(cell, beta):
    kind, reset = cell
    decays = {"beta": torch.tensor(beta)}
    if kind is snn.Synaptic:
        decays["alpha"] = torch.tensor(beta)
    made = kind(
        **decays,
        threshold=2.0,
        spike_grad=step_function,
        init_hidden=True,
        output=True,
        **LEAKY[reset],
    )
    net = nn.Sequential(nn.Identity(), made).double()
    x = np.random.default_rng(0).normal(0.1, 1.0, size=(STEPS, BATCH, 7))
    spikes, _ = torch_outputs(net, "sequential", x)
    trace = pipeline.run(to_nir(net, (7,), dt=DT, output=0).graph, x, dt=DT)
    assert spikes.any()
    assert np.count_nonzero(trace.output != spikes) == 0


def test_a_membrane_that_stops_at_its_threshold_does_not_fire():
    """Strict >: with dyadic values every sum is exact, so that equality is reached often."""
    for reset, dt in itertools.product(LEAKY, (1e-4, 1e-3, 0.02, 1.0)):
        made = neuron(snn.Leaky, LEAKY[reset], "scalar", (7,), init_hidden=True, output=True)
        made.beta, made.threshold = torch.tensor(0.5), torch.tensor(1.0)
        net = nn.Sequential(nn.Identity(), made).double()
        x = np.random.default_rng(0).integers(-2, 5, size=(STEPS, BATCH, 7)) / 4
        spikes, membrane = torch_outputs(net, "sequential", x)
        trace = pipeline.run(to_nir(net, (7,), dt=dt, output=0).graph, x, dt=dt)
        assert (membrane == 1.0).any()
        assert np.count_nonzero(trace.output != spikes) == 0


def test_float32_parameters_are_written_as_they_are():
    net = nn.Sequential(nn.Linear(3, 4), snn.Leaky(beta=0.9, threshold=0.3, init_hidden=True))
    graph = to_nir(net, (3,), dt=DT).graph
    assert graph.nodes["0"].weight.dtype == np.float32
    np.testing.assert_array_equal(graph.nodes["0"].weight, net[0].weight.detach().numpy())
    assert graph.nodes["1"].threshold[0] == float(np.float32(0.3))
    recovered = 1 - DT / graph.nodes["1_mem"].tau
    np.testing.assert_array_equal(recovered, np.full(4, float(np.float32(0.9))))
