"""What has no exact form is refused: all of it at once, with the place and the smallest change."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.errors import ConfigError, UnsupportedLayer, VerificationError  # noqa: E402
from neurodeploy.frontends.snntorch import replay, to_nir  # noqa: E402

DT = 1e-3


def refusal(net, shape=(6,), **options):
    with pytest.raises(UnsupportedLayer) as caught:
        to_nir(net, shape, dt=DT, **options)
    return caught.value.diagnostics


def one(net, shape=(6,), **options):
    (diagnostic,) = refusal(net, shape, **options)
    return diagnostic


def behind_linear(neuron):
    return nn.Sequential(nn.Linear(6, 4), neuron)


def leaky(**options):
    return snn.Leaky(beta=0.9, init_hidden=True, **options)


def synaptic(**options):
    return snn.Synaptic(alpha=0.8, beta=0.9, init_hidden=True, **options)


NEURONS = {
    "inhibition": (
        leaky(inhibition=True, reset_mechanism="zero"),
        "inhibition",
        "inhibition=False",
    ),
    "rounded states": (leaky(state_quant=torch.round), "state-quant", "state_quant=False"),
    "negative threshold": (leaky(threshold=-0.5), "negative-threshold", "threshold >= 0"),
    "one negative threshold": (
        synaptic(threshold=torch.tensor([1.0, -1.0, 1.0, 1.0])),
        "negative-threshold",
        "threshold >= 0",
    ),
    "soft spikes": (
        leaky(spike_grad=torch.sigmoid),
        "spike-function",
        "step function",
    ),
}


@pytest.mark.parametrize(("neuron", "rule", "hint"), NEURONS.values(), ids=NEURONS.keys())
def test_neuron_is_refused_with_its_way_out_or_exported_with_the_loss_written(neuron, rule, hint):
    diagnostic = one(behind_linear(neuron))
    assert (diagnostic.where, diagnostic.rule) == ("1", rule)
    assert hint in diagnostic.hint
    export = to_nir(behind_linear(neuron), (6,), dt=DT, allow_lossy=True)
    (loss,) = export.manifest["lossy"]
    assert loss.startswith("1: ")
    x = np.random.default_rng(0).normal(size=(50, 1, 6))
    assert pipeline.run(export.graph, x, dt=DT).output.shape == (50, 1, 4)


def test_a_reset_that_was_changed_after_building_is_refused():
    neuron = leaky(reset_mechanism="subtract")
    neuron.load_state_dict(leaky(reset_mechanism="zero").state_dict())
    diagnostic = one(behind_linear(neuron), allow_lossy=True)
    assert diagnostic.rule == "reset-changed"
    assert "'zero'" in diagnostic.detail
    assert "'subtract'" in diagnostic.detail


def test_all_unsupported_layers_are_named_at_once():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"),
        nn.MaxPool2d(2),
        nn.GroupNorm(1, 2),
        nn.Flatten(),
        nn.Linear(32, 6),
        snn.SLSTM(6, 6, init_hidden=True),
        nn.LSTM(6, 6),
    )
    found = {d.where: d for d in refusal(net, (1, 8, 8))}
    assert set(found) == {"0", "1", "2", "5", "6"}
    assert "padding_mode='circular'" in found["0"].detail
    assert "AvgPool2d" in found["1"].hint
    assert "GroupNorm" in found["2"].detail
    assert "RLeaky" in found["5"].hint
    assert "LSTM" in found["6"].detail


def test_a_subclass_with_its_own_forward_is_refused():
    class Noisy(snn.Leaky):
        def forward(self, x):
            return super().forward(x + torch.rand_like(x))

    assert "Noisy" in one(behind_linear(Noisy(beta=0.9, init_hidden=True))).detail


class Between(nn.Module):
    """Applies `function` between two layers."""

    def __init__(self, function):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 6), nn.Linear(6, 6)
        self.lif = leaky()
        self.function = function

    def forward(self, x):
        return self.lif(self.fc2(self.function(self.fc1(x))))


def add_to_an_alias(x):
    seen = x.detach()
    x += 1.0
    return seen


FUNCTIONS = {
    "relu": F.relu,
    "mul": lambda x: x * x,
    "div": lambda x: 3.0 / x.abs(),
    "true_divide": lambda x: torch.true_divide(x, x),
    "__rtruediv__": lambda x: 2 / x,
    "sigmoid": torch.sigmoid,
    "dropout": lambda x: F.dropout(x, 0.5),
    "bernoulli": lambda x: torch.bernoulli(torch.full_like(x, 0.5)) * x,
    "randn_like": lambda x: x + torch.randn_like(x),
    "noise": lambda x: x + torch.randn(6),
    "batch constant": lambda x: x + torch.arange(12.0).reshape(2, 6),
    "half": lambda x: x.half().float(),
    "linear": lambda x: F.linear(x, UNSEEN_WEIGHT),
    "add_": add_to_an_alias,
    "transpose": lambda x: x.t().t(),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "softmax": lambda x: F.softmax(x, -1),
    "max_pool1d": lambda x: F.max_pool1d(x, 1),
    "conv_transpose1d": lambda x: F.conv_transpose1d(x[:, None], torch.ones(1, 1, 1))[:, 0],
    "item": lambda x: x + x[0, 0].item(),
    "tolist": lambda x: x + torch.tensor(x.tolist()),
    "numpy": lambda x: x + torch.from_numpy(x.numpy()),
    "out": lambda x: torch.add(x, 1.0, out=torch.empty(2, 6)),
}
NAMED = {
    "bernoulli": "mul",
    "transpose": "t",
    "where": "gt",
    "div": "abs",
    "noise": "add",
    "batch constant": "add",
    "out": "add",
}
UNSEEN_WEIGHT = torch.eye(6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_between_layers_is_named_with_its_line(name):
    net = Between(FUNCTIONS[name])
    net.lif.state_quant = torch.round  # a second problem, which is found all the same
    found = refusal(net)
    assert any(d.where == "lif" for d in found)
    lines = [d for d in found if d.where.startswith("test_frontend_refusals.py:")]
    assert any(d.detail.startswith(f"{NAMED.get(name, name)}()") for d in lines)


class Rare(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return (x > 100).to(x.dtype)


UNSEEN = {
    "own autograd function": Rare.apply,
    "vmap": torch.vmap(lambda x: (x > 100).to(x.dtype)),
}


@pytest.mark.parametrize("function", UNSEEN.values(), ids=UNSEEN.keys())
def test_a_result_that_happens_to_be_zero_is_not_taken_for_a_constant(function):
    for net in (Between(function), Between(lambda x: x + function(x))):
        assert refusal(net)


def test_a_module_that_cannot_be_copied():
    net = behind_linear(leaky())
    net.handle = (number for number in range(3))
    with pytest.raises(ConfigError, match="can't be copied"):
        to_nir(net, (6,), dt=DT)


def test_data_dependent_control_flow_is_refused():
    assert refusal(Between(lambda x: x if bool(x.sum() > 0) else -x))


def test_a_hook_that_changes_a_layers_output_is_seen():
    net = nn.Sequential(nn.Linear(6, 6), leaky())
    net[0].register_forward_hook(lambda module, args, out: out * 2)
    graph = to_nir(net, (6,), dt=DT).graph
    np.testing.assert_array_equal(graph.nodes["0"].weight, 2 * net[0].weight.detach().numpy())


class Steps(nn.Module):
    """A time loop with one thing wrong."""

    def __init__(self, wrong):
        super().__init__()
        self.fc, self.rec = nn.Linear(6, 6), nn.Linear(6, 6, bias=False)
        self.lif = snn.Leaky(beta=0.9)
        self.lif2 = snn.Leaky(beta=0.9)
        self.wrong = wrong

    def forward(self, x):
        mem, mem2 = self.lif.reset_mem(), self.lif2.reset_mem()
        older = spk = torch.zeros(x.shape[1], 6)
        record = []
        for t, xt in enumerate(x):
            current = self.fc(xt)
            if self.wrong == "skips a step" and t == 1:
                current = self.rec(current)
            if self.wrong == "a decaying trace":
                older = 0.5 * older + spk
                current = current + self.rec(older)
            if self.wrong == "input of the step before":
                current = self.fc(x[max(t - 1, 0)])
            if self.wrong == "state reset":
                mem = self.lif.reset_mem()
            if self.wrong == "state changed" and t > 0:
                mem = mem.detach() + self.fc(xt)
            if self.wrong == "initial state" and t == 0:
                mem = torch.full((x.shape[1], 6), 0.25)
            new, mem = self.lif(current, mem)
            if self.wrong == "neuron called twice":
                new, mem = self.lif(new, mem)
            out, mem2 = self.lif2(self.rec(new), mem2)
            spk = new
            record.append(out)
        out = torch.stack(record)
        return out.sum(0) if self.wrong == "sum over time" else out


STEPS = {
    "skips a step": ("lif", "step-dependent"),
    "a decaying trace": ("lif", "step-dependent"),
    "input of the step before": ("lif", "step-dependent"),
    "state reset": ("lif", "state-reset"),
    "state changed": ("lif", "state-changed"),
    "initial state": ("lif", "state-changed"),
    "neuron called twice": ("lif", "repeated-neuron"),
    "sum over time": ("test_frontend_refusals.py", "sum"),
}


@pytest.mark.parametrize("wrong", STEPS)
def test_a_loop_that_is_no_graph_is_refused(wrong):
    where, rule = STEPS[wrong]
    found = refusal(Steps(wrong))
    assert any(d.where.startswith(where) and d.rule == rule for d in found)


def test_states_read_where_nir_has_no_port():
    class Reads(nn.Module):
        def __init__(self, port):
            super().__init__()
            self.syn = snn.Synaptic(alpha=0.5, beta=0.9, reset_mechanism="zero")
            self.fc = nn.Linear(6, 2)
            self.port = port

        def forward(self, x):
            return self.fc(self.syn(x)[self.port])

    assert one(Reads(2)).rule == "reads-membrane"
    assert to_nir(Reads(1), (6,), dt=DT)
    assert to_nir(Reads(0), (6,), dt=DT)


def test_a_state_that_forward_takes_but_does_not_return():
    class Forgets(nn.Module):
        def __init__(self):
            super().__init__()
            self.lif = snn.Leaky(beta=0.9)

        def forward(self, x, mem):
            return self.lif(x, mem)[0]

    found = {d.rule: d for d in refusal(Forgets())}
    assert "return the new state" in found["state-argument"].hint


LAYERS = {
    "linear-axes": (nn.Linear(5, 2), (3, 5)),
    "pool-border": (nn.AvgPool2d(3, padding=1, count_include_pad=False), (1, 6, 6)),
    "ceil-mode": (nn.AvgPool2d(2, ceil_mode=True), (1, 5, 5)),
    "divisor": (nn.AvgPool2d(2, divisor_override=3), (1, 4, 4)),
    "layer-axes": (nn.Conv2d(2, 1, 3), (4, 4)),
    "adaptive-windows": (nn.AdaptiveAvgPool2d(2), (1, 5, 5)),
    "unflatten": (nn.Unflatten(1, (2, 3)), (6,)),
    "flatten": (nn.Flatten(start_dim=0), (1, 4, 4)),
    "layer": (nn.Upsample(scale_factor=2), (1, 4, 4)),
}


@pytest.mark.parametrize("rule", LAYERS)
def test_layer_options_without_an_exact_node(rule):
    layer, shape = LAYERS[rule]
    assert one(nn.Sequential(layer), shape).rule == rule


def test_batch_norm_without_statistics():
    net = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, track_running_stats=False), leaky())
    assert one(net).rule == "batch-norm-statistics"


def test_nan_weights_are_named():
    net = behind_linear(leaky())
    with torch.no_grad():
        net[0].weight[1, 2] = float("nan")
        net[1].beta.fill_(float("inf"))
    with pytest.raises(VerificationError) as caught:
        to_nir(net, (6,), dt=DT)
    assert [d.where for d in caught.value.diagnostics] == ["0.weight", "1.beta"]


@pytest.mark.parametrize("dt", [0, -1e-3, float("nan"), float("inf"), "1e-3", None, True])
def test_a_wrong_dt(dt):
    with pytest.raises(ConfigError, match="dt"):
        to_nir(behind_linear(leaky()), (6,), dt=dt)


def test_wrong_arguments_are_all_named():
    with pytest.raises(ConfigError) as caught:
        to_nir("net", (0, 3), dt=-1, time_axis="first")
    assert [d.where for d in caught.value.diagnostics] == [
        "module",
        "input_shape",
        "dt",
        "time_axis",
    ]
    with pytest.raises(ConfigError, match="positions"):
        to_nir(behind_linear(leaky()), (6,), dt=DT, output=3)


def test_an_input_shape_that_forward_does_not_take():
    with pytest.raises(ConfigError, match="mat1 and mat2 shapes") as caught:
        to_nir(behind_linear(leaky()), (5,), dt=DT)
    assert "without batch" in caught.value.diagnostics[0].hint


def test_a_parameter_that_does_not_fit_its_layer():
    found = refusal(behind_linear(leaky(threshold=torch.ones(2, 4))))
    assert found[0].rule == "threshold-shape"


def test_the_time_axis_can_be_forced():
    with pytest.raises(ConfigError, match="takes steps out of its input"):
        to_nir(Steps(""), (6,), dt=DT, time_axis="outside")
    assert to_nir(Steps(""), (6,), dt=DT, time_axis="inside").manifest["loop"] == "inside"
    found = refusal(behind_linear(leaky()), time_axis="inside")
    assert any(d.rule == "sequence" for d in found)


def test_what_is_no_module_cannot_be_replayed():
    with pytest.raises(ConfigError, match=r"module \[type\]: int is not a torch.nn.Module"):
        replay(3, np.zeros((2, 1, 4)))


def test_the_pipeline_passes_every_choice_on():
    export = pipeline.to_nir(Steps(""), (6,), dt=DT, time_axis="inside", output=0)
    assert export.manifest["loop"] == "inside"
    with pytest.raises(ConfigError):
        pipeline.to_nir(Steps(""), (6,), dt=DT, time_axis="inside", output=9)
