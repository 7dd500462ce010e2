"""The artificial twin: same layers and calls, rectifiers for neurons."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy.bench.ann_twin import Rectifier, derive_ann  # noqa: E402
from neurodeploy.bench.torch_counts import count_ops  # noqa: E402
from neurodeploy.errors import UnsupportedLayer  # noqa: E402


class Explicit(nn.Module):
    """States passed by hand, time loop inside, membrane read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(10, 20)
        self.hidden = snn.Synaptic(alpha=0.5, beta=0.9)
        self.fc2 = nn.Linear(20, 3)
        self.readout = snn.Leaky(beta=0.9, reset_mechanism="none")

    def forward(self, x, steps: int):
        syn, mem = self.hidden.init_synaptic()
        out = self.readout.init_leaky()
        for _ in range(steps):
            spikes, syn, mem = self.hidden(self.fc1(x), syn, mem)
            _, out = self.readout(self.fc2(spikes), out)
        return out


def test_mlp_with_explicit_states_and_time_loop():
    torch.manual_seed(0)
    net = Explicit()
    twin = derive_ann(net)
    x = torch.rand(4, 10)
    counts = count_ops(twin, x, 6, samples=4, passes=6)
    assert counts.macs_per_pass == 10 * 20 + 20 * 3
    expected = net.fc2(torch.relu(net.fc1(x)))
    assert torch.equal(twin(x, 1), expected)
    assert isinstance(net.hidden, snn.Synaptic)


def test_conv_net_with_init_hidden():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        snn.Leaky(beta=0.8, init_hidden=True),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 3 * 3, 5),
        snn.Leaky(beta=0.8, init_hidden=True, output=True),
    )
    twin = derive_ann(net)
    spikes, membrane = twin(torch.rand(2, 1, 6, 6))
    assert spikes.shape == membrane.shape == (2, 5)
    counts = count_ops(twin, torch.rand(2, 1, 6, 6), samples=2)
    assert counts.macs_per_pass == 4 * (6 * 3 - 2) ** 2 + 36 * 5
    assert counts.uncounted == {"aten.avg_pool2d": 1}


def test_a_neuron_used_twice_is_replaced_twice():
    lif = snn.Leaky(beta=0.9, init_hidden=True)
    twin = derive_ann(nn.Sequential(nn.Linear(2, 2), lif, nn.Linear(2, 2), lif))
    assert [type(layer) for layer in twin] == [nn.Linear, Rectifier, nn.Linear, Rectifier]


def test_a_lone_neuron_and_an_unknown_one():
    assert isinstance(derive_ann(snn.Leaky(beta=0.9)), Rectifier)
    net = nn.Sequential(snn.RLeaky(beta=0.9, linear_features=3), snn.RLeaky(0.5, linear_features=2))
    with pytest.raises(UnsupportedLayer) as caught:
        derive_ann(net)
    assert [d.where for d in caught.value.diagnostics] == ["0", "1"]
