"""The artificial twin: same layers and calls, rectifiers for neurons."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy.bench.ann_twin import Rectifier, count_twin, derive_ann  # noqa: E402
from neurodeploy.bench.torch_counts import count_ops  # noqa: E402
from neurodeploy.errors import DataError, UnsupportedLayer  # noqa: E402


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


class Looping(nn.Module):
    """One hidden layer in a time loop of forward()'s own: over its input, or over a still one."""

    def __init__(self, over_input: bool, steps: int = 6) -> None:
        super().__init__()
        self.over_input = over_input
        self.steps = steps
        self.fc = nn.Linear(10, 20)
        self.lif = snn.Leaky(beta=0.9)

    def forward(self, x):
        mem = self.lif.init_leaky()
        record = []
        for t in range(self.steps):
            spikes, mem = self.lif(self.fc(x[t] if self.over_input else x), mem)
            record.append(spikes)
        return torch.stack(record)


@pytest.mark.parametrize("passes", [1, 6])
@pytest.mark.parametrize("form", ["still", "sequence", "step"])
def test_a_pass_is_counted_once_however_forward_loops(form, passes):
    """Tutorial networks loop over a still input: T steps of input must not make T * T passes."""
    step = nn.Sequential(nn.Linear(10, 20), snn.Leaky(beta=0.9, init_hidden=True))
    net = step if form == "step" else Looping(over_input=form == "sequence")
    counts = count_twin(net, np.full((6, 4, 10), 0.5), passes)
    assert counts.macs_per_pass == 10 * 20
    assert counts.passes == (passes if form == "step" else 6)


def test_a_loop_longer_than_the_input_is_a_data_error():
    with pytest.raises(DataError, match="ann twin"):
        count_twin(Looping(over_input=True, steps=9), np.ones((6, 4, 10)), 6)


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
