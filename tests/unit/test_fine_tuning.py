"""Fine-tuning: its gradients against snnTorch's, and what it hands back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.errors import ConfigError, DataError, QuantizationError  # noqa: E402
from neurodeploy.frontends.snntorch import to_nir  # noqa: E402
from neurodeploy.ir.files import write_program  # noqa: E402
from neurodeploy.passes.quantize import Options, reports_of  # noqa: E402
from neurodeploy.zoo.fine_tuning import FixedNetwork, fine_tune, tuned_state_dict  # noqa: E402
from neurodeploy.zoo.fine_tuning.graph import tuned_graph  # noqa: E402
from neurodeploy.zoo.train.checkpoint import read_numbers  # noqa: E402

SLOPE, STEPS, BATCH, DT = 5.0, 30, 3, 1e-3


class Net(nn.Module):
    """Convolution, two spiking layers of which the second feeds back on itself, read-out."""

    def __init__(self, reset: str, bias: bool) -> None:
        super().__init__()
        self.reset = reset
        grad = snn.surrogate.fast_sigmoid(slope=SLOPE)
        self.conv = nn.Conv1d(2, 4, 3, stride=2, bias=bias)
        self.lif1 = snn.Leaky(beta=0.75, reset_mechanism=reset, spike_grad=grad, threshold=0.5)
        self.fc = nn.Linear(12, 6, bias=False)
        self.back = nn.Linear(6, 6, bias=False)
        self.lif2 = snn.Synaptic(
            alpha=0.5, beta=0.875, reset_mechanism="none", spike_grad=grad, threshold=0.5
        )
        self.out = nn.Linear(6, 2, bias=bias)
        self.readout = snn.Leaky(beta=0.9375, reset_mechanism="none")

    def forward(self, x):
        mem1, (syn2, mem2) = self.lif1.init_leaky(), self.lif2.init_synaptic()
        mem3, spk2, outputs = self.readout.init_leaky(), torch.zeros(x.shape[1], 6), []
        for step in x:
            spk1, mem1 = self.lif1(self.conv(step), mem1)
            spk2, syn2, mem2 = self.lif2(self.fc(spk1.flatten(1)) + self.back(spk2), syn2, mem2)
            _, mem3 = self.readout(self.out(spk2), mem3)
            outputs.append(mem3)
        return torch.stack(outputs)


def network(seed: int, reset: str = "subtract", bias: bool = True) -> Net:
    """Weights k / 64 whose k reach 127 and no further: eight bits hold them exactly."""
    torch.manual_seed(seed)
    net = Net(reset, bias)
    with torch.no_grad():
        for p in net.parameters():
            if p.ndim:
                p.copy_((p * 127 / p.max()).round().clamp(min=-127) / 64)
    return net


def spikes(seed: int) -> np.ndarray:
    shape = (STEPS, BATCH, 2, 7)
    return (np.random.default_rng(seed).random(shape) < 0.3).astype(np.float32)


def loss(output, target):
    return ((output - target) ** 2).mean()


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_gradients_are_snntorch_s(seed: int, reset: str, bias: bool) -> None:
    """Where rounding moves no spike, the gradient of each weight is the float network's."""
    module, x = network(seed, reset, bias), spikes(seed)
    loss(module(torch.from_numpy(x)), 1.0).backward()
    real = pipeline.load(to_nir(module, (2, 7), dt=DT).graph, DT)
    compiled = pipeline.to_integers(real, pipeline.chip_of("loihi2"), x)
    fixed = FixedNetwork(compiled.program, real, SLOPE)
    loss(fixed(x), 1.0).backward()
    float_run, fixed_run = (pipeline.run(p, x, probe="all") for p in (real, compiled.program))
    for key in ("lif1/s", "lif2/s"):
        np.testing.assert_array_equal(float_run.states[key], fixed_run.states[key])
        assert float_run.states[key].any()
    gradients = {tuple(p.shape): p.grad.double() for p in module.parameters() if p.ndim > 1}
    for synapse in fixed.synapses:
        shape = tuple(synapse.synapse.weights.shape)
        got, expected = synapse.weight.grad.reshape(shape), gradients[shape]
        assert torch.dist(got, expected) <= 0.01 * expected.norm()


def test_a_few_epochs_recover_what_three_bits_lost() -> None:
    """The float network's own read-out is the target; what comes back runs as it was trained."""
    module, x = network(5), spikes(5)
    graph = to_nir(module, (2, 7), dt=DT).graph
    target = torch.from_numpy(pipeline.run(graph, x, dt=DT).output)
    options = Options(weight_bits=3)
    before = pipeline.compile(graph, calibration=x, dt=DT, options=options)
    tuned = fine_tune(
        graph, [(x, target)], loss, calibration=x, dt=DT, options=options, epochs=20, lr=0.005,
        score=lambda net: -loss(net(x), target).item(),
    )  # fmt: skip
    first, last = (
        np.mean((run.real(run.program.outputs[0]) - target.numpy()) ** 2)
        for run in (pipeline.run(p, x) for p in (before.program, tuned.program))
    )
    assert last < first / 4
    assert max(tuned.scores) == pytest.approx(-last, rel=1e-5)
    for old, new in zip(before.program.synapses, tuned.program.synapses, strict=True):
        assert (new.num_weight_bits, new.weight_exp, new.delay) == (3, old.weight_exp, old.delay)
    for synapse in tuned.real.synapses:
        assert len(np.unique(synapse.weight_values)) <= 8, "three bits"
    assert reports_of(tuned.program) == tuned.layers
    hidden = tuned.layers[0]
    sent = [pipeline.run(p, x, probe="all").aligned("lif1/s") for p in (tuned.real, tuned.program)]
    assert hidden.measured == pytest.approx(np.mean(sent[0] != sent[1])) and hidden.name == "lif1"
    assert all(layer.rounding == "tuned" and layer.saturations == 0 for layer in tuned.layers)
    assert max(e for layer in tuned.layers for e in layer.weight_error.values()) < 1e-12


def test_a_run_that_was_stopped_ends_with_the_same_integers(tmp_path: Path) -> None:
    module, x = network(5), spikes(5)
    graph = to_nir(module, (2, 7), dt=DT).graph
    target = torch.from_numpy(pipeline.run(graph, x, dt=DT).output)
    batches = [(np.roll(x, i, axis=0), target) for i in range(3)]

    def run(checkpoint: Path | None, stop: int = 0, lr: float = 0.01):
        def report(step: int, steps: int, value: float) -> None:
            if step == stop:
                raise KeyboardInterrupt

        return fine_tune(
            graph, batches, loss, calibration=x, dt=DT, options=Options(weight_bits=3), epochs=3,
            lr=lr, score=lambda net: -loss(net(x), target).item(), score_every=2, report=report,
            checkpoint=checkpoint, save_every=2,
        )  # fmt: skip

    whole = run(None)
    for stop in (4, 8):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "state.safetensors", stop)
    assert read_numbers(tmp_path / "state.safetensors")["step"] == 6
    with pytest.raises(ConfigError, match="checkpoint-foreign"):
        run(tmp_path / "state.safetensors", lr=0.02)
    resumed = run(tmp_path / "state.safetensors")
    assert (resumed.losses, resumed.scores, resumed.kept) == (
        whole.losses,
        whole.scores,
        whole.kept,
    )
    assert len(set(whole.losses)) == 3
    write_program(tmp_path / "whole.ndp", whole.program)
    write_program(tmp_path / "resumed.ndp", resumed.program)
    assert (tmp_path / "whole.ndp").read_bytes() == (tmp_path / "resumed.ndp").read_bytes()


@pytest.mark.parametrize("rounding", ["nearest", "calibrated"])
def test_training_starts_at_what_was_compiled(rounding: str) -> None:
    """A learning rate of next to nothing leaves the compiler's integers."""
    graph, x = to_nir(network(5), (2, 7), dt=DT).graph, spikes(5)
    options = Options(weight_bits=3, rounding=rounding)
    tuned = fine_tune(
        graph, [(x, 1.0)], loss, calibration=x, dt=DT, options=options, epochs=1, lr=1e-12
    )
    compiled = pipeline.compile(graph, calibration=x, dt=DT, options=options)
    for got, expected in zip(tuned.program.synapses, compiled.program.synapses, strict=True):
        np.testing.assert_array_equal(got.weight_values, expected.weight_values)


@pytest.mark.parametrize("bias", [False, True])
def test_the_module_gets_what_the_integers_stand_for(bias: bool) -> None:
    """Loaded and exported anew it is the trained real Program, spike for spike."""
    module, x = network(2, bias=bias), spikes(6)
    graph = to_nir(module, (2, 7), dt=DT).graph
    options = Options(weight_bits=4)
    tuned = fine_tune(
        graph, [(x, 1.0)], loss, calibration=x, dt=DT, options=options, epochs=5, lr=0.02
    )
    state = tuned_state_dict(tuned, module, (2, 7), dt=DT)
    assert not torch.equal(state["fc.weight"], module.fc.weight)
    module.load_state_dict(state)
    again = pipeline.run(to_nir(module, (2, 7), dt=DT).graph, x, dt=DT, probe="all")
    expected = pipeline.run(tuned.real, x, probe="all")
    for key in ("lif1/s", "lif2/s"):
        np.testing.assert_array_equal(again.states[key], expected.states[key])
    np.testing.assert_allclose(again.output, expected.output, rtol=1e-4, atol=1e-5)


class Skip(nn.Module):
    """A current that two biases enter in every step, and a join of a layer with an identity."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.lif1 = snn.Leaky(beta=0.75, threshold=0.5)
        self.lif2 = snn.RSynaptic(alpha=0.5, beta=0.75, linear_features=6, threshold=0.5)
        self.lif3 = snn.Leaky(beta=0.75, threshold=0.5)

    def forward(self, x):
        mem1, mem3, outputs = self.lif1.init_leaky(), self.lif3.init_leaky(), []
        spk2, syn2, mem2 = self.lif2.init_rsynaptic()
        for step in x:
            spk1, mem1 = self.lif1(self.fc1(step), mem1)
            spk2, syn2, mem2 = self.lif2(self.fc2(spk1), spk2, syn2, mem2)
            spk3, mem3 = self.lif3(self.fc3(spk2) + spk1, mem3)
            outputs.append(spk3)
        return torch.stack(outputs)


def test_biases_of_a_current_and_a_join_stand_in_module_and_graph() -> None:
    torch.manual_seed(0)
    module = Skip()
    x = (np.random.default_rng(0).random((STEPS, BATCH, 4)) < 0.5).astype(np.float32)
    graph = to_nir(module, (4,), dt=DT).graph
    tuned = fine_tune(
        graph, [(x, 1.0)], loss, calibration=x, dt=DT, options=Options(weight_bits=4), lr=0.02
    )
    assert [n.name for n in tuned.real.neurons] == ["lif1", "lif2.bias", "lif2", "lif3"]
    state = tuned_state_dict(tuned, module, (4,), dt=DT)
    for name in ("fc2.weight", "lif2.recurrent.weight", "lif2.recurrent.bias", "fc3.bias"):
        assert not torch.equal(state[name], module.state_dict()[name]), name
    module.load_state_dict(state)
    expected = pipeline.run(tuned.real, x).output
    assert expected.any()
    for again in (to_nir(module, (4,), dt=DT).graph, tuned_graph(tuned, graph, dt=DT)):
        np.testing.assert_array_equal(pipeline.run(again, x, dt=DT).output, expected)


def test_a_matrix_of_several_layers_has_no_place_in_the_module() -> None:
    torch.manual_seed(0)
    lif = snn.Leaky(beta=0.9, init_hidden=True, output=True)
    module = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(15, 4), lif)
    x = spikes(1)
    graph = to_nir(module, (2, 7), dt=DT).graph
    tuned = fine_tune(
        graph, [(x, 1.0)], lambda out, _: (out.mean() - 0.5) ** 2, calibration=x, dt=DT, epochs=1
    )
    with pytest.raises(QuantizationError, match=r"\[state-dict\]: holds the weights of no single"):
        tuned_state_dict(tuned, module, (2, 7), dt=DT)


def test_refusals() -> None:
    graph = to_nir(network(1), (2, 7), dt=DT).graph
    x, known = spikes(1), {"calibration": spikes(1), "dt": DT}
    with pytest.raises(ConfigError, match=r"fine_tune \[epochs\]"):
        fine_tune(graph, [], loss, **known)
    with pytest.raises(DataError, match=r"loss \[finite\]: is nan"):
        fine_tune(graph, [(x, float("nan"))], loss, **known)
    real = pipeline.load(graph, DT)
    with pytest.raises(QuantizationError, match=r"\[arithmetic\]: is real"):
        FixedNetwork(real)


def test_nothing_to_train_is_said() -> None:
    """A neuron that reads its input as it is has no weights of a layer."""
    module = nn.Sequential(snn.Leaky(beta=0.5, init_hidden=True, threshold=0.5))
    x = (np.random.default_rng(0).random((STEPS, BATCH, 4)) < 0.5).astype(np.float32)
    graph = to_nir(module, (4,), dt=DT).graph
    with pytest.raises(QuantizationError, match="nothing to train"):
        fine_tune(graph, [(x, 1.0)], loss, calibration=x, dt=DT)


def test_a_step_that_is_worse_than_rounding_is_not_kept() -> None:
    """A learning rate that ruins the network leaves the compiler's integers."""
    graph, x = to_nir(network(5), (2, 7), dt=DT).graph, spikes(5)
    target = torch.from_numpy(pipeline.run(graph, x, dt=DT).output)
    known = {"calibration": x, "dt": DT, "epochs": 1, "lr": 3.0}
    tuned = fine_tune(
        graph, [(x, target)] * 4, loss, **known, score_every=2,
        score=lambda net: -loss(net(x), target).item(),
    )  # fmt: skip
    assert len(tuned.scores) == 3 and tuned.kept == 0
    assert max(tuned.scores[1:]) < tuned.scores[0]
    for got, expected in zip(tuned.network.synapses, tuned.compiled.program.synapses, strict=True):
        np.testing.assert_array_equal(got.to_synapse().weight_values, expected.weight_values)
    unselected = fine_tune(graph, [(x, target)] * 4, loss, **known | {"lr": 1e-3})
    assert (unselected.kept, unselected.scores) == (4, ())


class Sum(nn.Module):
    """A layer that reads the sum of two populations' spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.lif1, self.lif2, self.lif3 = (snn.Leaky(beta=0.75, threshold=0.5) for _ in range(3))

    def forward(self, x):
        mems, outputs = [lif.init_leaky() for lif in (self.lif1, self.lif2, self.lif3)], []
        for step in x:
            spk1, mems[0] = self.lif1(self.fc1(step), mems[0])
            spk2, mems[1] = self.lif2(self.fc2(spk1), mems[1])
            spk3, mems[2] = self.lif3(self.fc3(spk1 + spk2), mems[2])
            outputs.append(spk3)
        return torch.stack(outputs)


class Twice(Sum):
    """A layer that is called twice, between populations that are alike."""

    def forward(self, x):
        mems, outputs = [lif.init_leaky() for lif in (self.lif1, self.lif2, self.lif3)], []
        for step in x:
            spk1, mems[0] = self.lif1(self.fc1(step), mems[0])
            spk2, mems[1] = self.lif2(self.fc2(spk1), mems[1])
            spk3, mems[2] = self.lif3(self.fc2(spk2), mems[2])
            outputs.append(spk3)
        return torch.stack(outputs)


class Current(nn.Module):
    """A convolution whose bias enters a synaptic current."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv1d(1, 4, 2), nn.Linear(12, 3)
        self.lif1 = snn.Synaptic(alpha=0.5, beta=0.75, threshold=0.5)
        self.lif2 = snn.Leaky(beta=0.75, threshold=0.5)

    def forward(self, x):
        (syn1, mem1), mem2, outputs = self.lif1.init_synaptic(), self.lif2.init_leaky(), []
        for step in x:
            spk1, syn1, mem1 = self.lif1(self.conv(step), syn1, mem1)
            spk2, mem2 = self.lif2(self.fc(spk1.flatten(1)), mem2)
            outputs.append(spk2)
        return torch.stack(outputs)


@pytest.mark.parametrize(
    ("build", "layer", "parameters", "rounding"),
    [
        (Sum, "fc3", 6, "nearest"),
        (Sum, "fc3", 6, "calibrated"),
        (Twice, "fc2", 4, "nearest"),
        (Current, "conv", 4, "nearest"),
        (Current, "conv", 4, "calibrated"),
    ],
)
def test_a_layer_stays_one_layer(build, layer: str, parameters: int, rounding: str) -> None:
    """However often the Program holds it; module and graph get what was trained."""
    torch.manual_seed(0)
    module = build()
    shape = (1, 4) if build is Current else (4,)
    x = (np.random.default_rng(0).random((STEPS, BATCH, *shape)) < 0.5).astype(np.float32)
    graph = to_nir(module, shape, dt=DT).graph
    options = Options(weight_bits=4, rounding=rounding)
    tuned = fine_tune(graph, [(x, 1.0)] * 3, loss, calibration=x, dt=DT, options=options, lr=0.01)
    trained = [p for p in tuned.network.parameters() if p.requires_grad]
    assert len(trained) == parameters
    used = [p for n, p in module.named_parameters() if build is not Twice or "fc3" not in n]
    assert sum(p.numel() for p in trained) == sum(p.numel() for p in used)
    state = tuned_state_dict(tuned, module, shape, dt=DT)
    for name in (f"{layer}.weight", f"{layer}.bias"):
        assert not torch.equal(state[name], module.state_dict()[name]), name
    module.load_state_dict(state)
    expected = pipeline.run(tuned.real, x).output
    assert expected.any()
    for again in (to_nir(module, shape, dt=DT).graph, tuned_graph(tuned, graph, dt=DT)):
        np.testing.assert_array_equal(pipeline.run(again, x, dt=DT).output, expected)
