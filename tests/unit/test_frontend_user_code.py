"""What users' code does besides calling layers: exact, or refused, and their module stays as it is.

The oracle is the module's own forward() in float64, not the copy that the frontend runs.
"""

from __future__ import annotations

import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from snntorch import utils  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import parametrizations, parametrize  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.errors import UnsupportedLayer  # noqa: E402
from neurodeploy.frontends.snntorch import to_nir  # noqa: E402

DT = 1e-3


def step(x):
    return (x > 0).to(x.dtype)


def leaky(kind=snn.Leaky, **options):
    return kind(beta=0.9, threshold=0.3, init_hidden=True, spike_grad=step, **options)


class Net(nn.Module):
    """`before` runs at each call."""

    def __init__(self, before=lambda net: None, lif=None):
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.lif, self.before = nn.Linear(6, 8), lif or leaky(), before

    def forward(self, x):
        self.before(self)
        return self.lif(self.fc(x))


def rules(net):
    with pytest.raises(UnsupportedLayer) as caught:
        to_nir(net, (6,), dt=DT)
    return {d.rule: str(d) for d in caught.value.diagnostics}


def assert_exact(net):
    graph = to_nir(net, (6,), dt=DT).graph
    x = np.random.default_rng(0).uniform(-0.2, 1.0, (1000, 2, 6))
    net.double().eval()
    with torch.no_grad():
        want = torch.stack([net(xt) for xt in torch.from_numpy(x)]).numpy()
    got = pipeline.interpret(graph, x, dt=DT).outputs["output"]
    assert want.any()
    np.testing.assert_array_equal(got, want)


def decay_weight(net):
    with torch.no_grad():
        net.fc.weight.mul_(0.99)


def decay_weight_data(net):
    net.fc.weight.data = net.fc.weight.data * 0.99


def raise_threshold(net):
    net.lif.threshold = net.lif.threshold + 0.01


def draw_weight(net):
    net.fc.weight.data.normal_()


@pytest.mark.parametrize("change", [decay_weight, decay_weight_data, raise_threshold, draw_weight])
def test_parameters_that_change_while_forward_runs(change):
    assert "changes while forward() runs" in rules(Net(change))["settings"]


def test_a_threshold_that_follows_the_spikes():
    class Adapts(Net):
        def forward(self, x):
            self.trace = getattr(self, "trace", torch.zeros(8))
            self.lif.threshold = 0.3 + 0.1 * self.trace
            spikes = self.lif(self.fc(x))
            self.trace = 0.9 * self.trace + spikes
            return spikes

    assert "threshold changes" in rules(Adapts())["settings"]


def test_weights_that_are_clipped_at_each_call():
    assert_exact(Net(lambda net: net.fc.weight.data.clamp_(-0.2, 0.2)))


def test_a_network_that_resets_itself_at_each_call_has_no_state():
    assert set(rules(Net(utils.reset))) == {"state-reset"}


def test_the_reset_in_forward_leaves_the_users_networks_alone():
    bystander = Net()
    bystander(torch.ones(2, 6))
    before = bystander.lif.mem.clone()
    rules(Net(utils.reset))
    assert before.any()
    assert torch.equal(bystander.lif.mem, before)


class Doubled(nn.Module):
    """A parametrization that does something else in training."""

    def forward(self, weight):
        return 2.0 * weight if self.training else weight


@pytest.mark.parametrize(
    "register",
    [
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        lambda layer: parametrize.register_parametrization(layer, "weight", Doubled()),
    ],
)
def test_parametrized_weights_are_those_of_eval_and_the_module_stays_whole(register):
    net = Net()
    register(net.fc)
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    graph = to_nir(net, (6,), dt=DT).graph
    again = to_nir(net, (6,), dt=DT).graph
    assert parametrize.is_parametrized(net.fc)
    assert all(torch.equal(state[name], tensor) for name, tensor in net.state_dict().items())
    weight = net.eval().fc.weight.detach().numpy()
    for found in (graph, again):
        np.testing.assert_array_equal(found.nodes["fc"].weight, weight)


class Renamed(snn.Leaky):
    """Its own arguments and nothing else."""

    def __init__(self):
        super().__init__(beta=0.9, threshold=0.3, init_hidden=True, spike_grad=step)

    def extra_repr(self):
        return "mine"


class FiresEarly(snn.Leaky):
    def fire(self, mem):
        return step(mem - 0.1)


class StandardizedLinear(nn.Linear):
    def forward(self, x):
        return nn.functional.linear(x, self.weight - self.weight.mean(), self.bias)


def test_a_subclass_that_changes_nothing_is_its_class():
    assert_exact(Net(lif=Renamed()))


def test_a_neuron_whose_code_was_changed_is_refused():
    patched = leaky()
    patched.fire = types.MethodType(lambda self, mem: step(mem - 0.1), patched)
    for lif in (leaky(FiresEarly), patched):
        assert "fire() may compute something else than snnTorch's" in rules(Net(lif=lif))["layer"]


def test_a_layer_whose_code_was_changed_is_looked_into():
    own, patched = Net(), Net()
    own.fc = StandardizedLinear(6, 8)
    patched.fc.forward = types.MethodType(StandardizedLinear.forward, patched.fc)
    assert_exact(own)
    assert_exact(patched)


def test_a_convolution_that_changes_its_weights_before_use():
    class Standardized(nn.Conv1d):
        def _conv_forward(self, x, weight, bias):
            return super()._conv_forward(x, weight - weight.mean(), bias)

    conv = Standardized(2, 3, 3)
    graph = to_nir(nn.Sequential(conv, leaky()), (2, 8), dt=DT).graph
    weight = (conv.weight - conv.weight.mean()).detach().numpy()
    (node,) = (n for n in graph.nodes.values() if type(n).__name__ == "Conv1d")
    np.testing.assert_array_equal(node.weight, weight)


@pytest.mark.parametrize(
    "levels",
    [lambda x: torch.clamp(torch.ceil(x / 2), 0, 4), lambda x: step(x) - step(-x - 3.0)],
    ids=["several levels", "three values"],
)
def test_spikes_that_are_steps_only_near_the_threshold(levels):
    lif = snn.Leaky(beta=0.9, init_hidden=True, spike_grad=levels)
    assert "spike-function" in rules(Net(lif=lif))


def test_a_complex_parameter_keeps_its_imaginary_part():
    class Filter(Net):
        def __init__(self):
            super().__init__()
            self.kernel = nn.Parameter(torch.tensor([1.0 + 1.0j] * 8))

        def forward(self, x):
            return self.lif(self.fc(x) + (self.kernel * self.kernel).imag)

    net = Filter()
    bias = to_nir(net, (6,), dt=DT).graph.nodes["fc"].bias
    np.testing.assert_array_equal(bias, net.fc.bias.detach().double().numpy() + 2.0)


LIKE = {
    "view_as": lambda y, mask: y.view_as(y.clone()),
    "expand_as": lambda y, mask: y + mask.expand_as(y),
    "type_as": lambda y, mask: y * mask.type_as(y),
    "to": lambda y, mask: y * mask.to(y),
}


@pytest.mark.parametrize("name", LIKE)
def test_a_tensor_that_only_gives_its_shape_or_type(name):
    class Like(Net):
        def forward(self, x):
            return self.lif(LIKE[name](self.fc(x), torch.arange(8) % 2))

    assert_exact(Like())


class Shifted(Net):
    def forward(self, x):
        return torch.stack([self.lif(self.fc(x[t + 1])) for t in range(len(x) - 1)])


def test_steps_that_come_later_are_refused():
    assert "takes input of step t + 1" in rules(Shifted())["later-step"]


@pytest.mark.parametrize("change", ["set_", "swap"])
def test_a_signal_that_is_exchanged_out_of_sight(change):
    class Exchanges(Net):
        def forward(self, x):
            y = self.fc(x)
            z = 0.5 * y
            y.set_(z) if change == "set_" else torch.utils.swap_tensors(y, z)
            return self.lif(y)

    assert "way is not seen" in rules(Exchanges())["constant-input"]
