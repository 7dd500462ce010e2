"""Counts that were published, or that torch's own flop counter arrives at."""

from __future__ import annotations

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from snntorch import utils  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from neurodeploy.bench.counting.convention import Convention  # noqa: E402
from neurodeploy.bench.counting.footprint import footprint  # noqa: E402
from neurodeploy.bench.counting.neurobench import connection_sparsity, neurobench_metrics  # noqa: E402
from neurodeploy.bench.counting.torch_counter import count_ops  # noqa: E402
from tests.architectures import Conformer, UNet, VitBlock, resnet18, vgg16  # noqa: E402

PADDED = Convention(padding="in")


def on_meta(make, *shape):
    """The network and one input of it, by their shapes alone."""
    with torch.device("meta"):
        return make().eval(), torch.rand(shape)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (resnet18, (1, 3, 224, 224)),
        (vgg16, (2, 3, 32, 32)),
        (VitBlock, (1, 197, 192)),
        (Conformer, (2, 100, 64)),
        (UNet, (1, 1, 32, 24)),
        (lambda: nn.LSTM(40, 64, 2, bidirectional=True), (11, 3, 40)),
        (lambda: nn.GRU(40, 64), (11, 3, 40)),
        (lambda: nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), (2, 30, 64)),
        (lambda: nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, groups=2), (2, 6, 7, 5)),
    ],
    ids=["resnet18", "vgg16", "vit", "conformer", "unet", "lstm", "gru", "encoder", "transposed"],
)
def test_dense_counts_are_half_of_torchs_flops(make, shape):
    net, x = on_meta(make, *shape)
    with FlopCounterMode(display=False) as flops:
        net(x)
    record = count_ops(net, x, convention=PADDED, strict=True)
    assert 2 * record.dense_macs == flops.get_total_flops()


@pytest.mark.parametrize("make", [VitBlock, Conformer, UNet])
def test_shapes_and_values_count_the_same(make):
    shape = {VitBlock: (2, 9, 192), Conformer: (2, 20, 64), UNet: (1, 1, 8, 8)}[make]
    net, x = make(), torch.rand(shape)
    by_shape = count_ops(*on_meta(make, *shape), strict=True)
    by_value = count_ops(net, x, strict=True)
    assert by_value.exact_values and not by_shape.exact_values
    assert by_value.dense_macs == by_shape.dense_macs
    assert by_value.bias_adds == by_shape.bias_adds
    assert 0 < by_value.synaptic_operations <= by_value.dense_macs


def test_resnet18_at_224_pixels():
    record = count_ops(*on_meta(resnet18, 1, 3, 224, 224))
    assert record.dense_macs == 1_680_390_912
    assert record.by(PADDED).dense_macs == 1_814_073_344
    assert record.layers[0].dense(PADDED) == 118_013_952
    norms = [row for row in record.layers if row.op == "batch_norm"]
    assert sum(row.outputs for row in norms) == 2_483_712
    assert all(row.folds_into for row in norms)


def test_vgg16_at_32_pixels():
    record = count_ops(*on_meta(vgg16, 1, 3, 32, 32))
    assert (record.dense_macs, record.by(PADDED).dense_macs) == (247_314_176, 313_201_664)


def test_fvcore_documentation_toy():
    class Toy(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 10, 1)
            self.fc = nn.Linear(1000, 10)

        def forward(self, x):
            return self.fc(self.conv(x).flatten(1))

    record = count_ops(*on_meta(Toy, 1, 3, 10, 10))
    assert {row.name: row.dense_macs for row in record.layers} == {"conv": 3_000, "fc": 10_000}


def leaky(output: bool = False) -> nn.Module:
    return snn.Leaky(beta=0.9, init_hidden=True, output=output)


def gsc_snn() -> nn.Sequential:
    """NeuroBench's baseline for Google Speech Commands."""
    sizes = (20, 256, 256, 256, 35)
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), leaky(b == 35))]
    return nn.Sequential(*layers)


def test_google_speech_commands_snn():
    net = gsc_snn()
    record = count_ops(net, torch.rand(1, 20))
    assert record.dense_macs * 200 == 29_030_400
    assert sum(p.numel() for p in net.parameters()) == 145_955
    found = footprint(gsc_snn())
    assert (found.weights, found.neuron_parameters, found.total) == (583_820, 80, 583_900)


def test_dvs_gesture_snn_needs_padding_left_out():
    layers: list[nn.Module] = []
    for a, b in pairwise((2, 16, 32, 64)):
        layers += [nn.Conv2d(a, b, 5, padding=2), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 11))
    record = count_ops(net, torch.rand(1, 2, 32, 32))
    assert record.dense_macs * 150 == 891_206_400
    assert record.by(PADDED).dense_macs * 150 == 1_107_609_600


@pytest.mark.parametrize(
    ("sizes", "dense"),
    [
        ((96, 32, 48, 2), 4_704),
        ((192, 32, 48, 2), 7_776),
        ((96, 50, 2), 4_900),
        ((192, 50, 2), 9_700),
    ],
    ids=["ann, 96", "ann, 192", "snn, 96", "snn, 192"],
)
def test_primate_reaching(sizes, dense):
    net = nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(sizes)))
    assert count_ops(net, torch.rand(1, sizes[0])).dense_macs == dense


@pytest.mark.parametrize(("channels", "published"), [(96, 20_824), (192, 33_496)])
def test_primate_reaching_footprint(channels, published):
    """The published bytes are those of three linear layers, two norms and a frame kept."""
    a, b, c = nn.Linear(channels, 32), nn.Linear(32, 48), nn.Linear(48, 2)
    net = nn.Sequential(a, nn.BatchNorm1d(32), nn.ReLU(), b, nn.BatchNorm1d(48), nn.ReLU(), c)
    net.register_buffer("frame", torch.zeros(channels))
    assert footprint(net).total == published
    assert footprint(net).buffers == 2 * (32 + 48) * 4 + 2 * 8 + 4 * channels


NONZERO = [
    (nn.RNNCell(25, 5), (5,), 150),
    (nn.LSTMCell(25, 5), (5, 5), 615),
    (nn.GRUCell(25, 5), (5,), 465),
    (nn.Conv2d(1, 1, 3), (1, 12, 12), 900),
    (nn.Conv1d(5, 1, 5), (5, 10), 150),
]


class Wrapped(nn.Module):
    def __init__(self, layer, sizes):
        super().__init__()
        self.layer = layer
        self.sizes = sizes

    def forward(self, x):
        if not isinstance(self.layer, nn.RNNCellBase):
            return self.layer(x)
        states = tuple(torch.full((len(x), n), 0.5) for n in self.sizes)
        return self.layer(x, states if len(states) > 1 else states[0])


@pytest.mark.parametrize(("layer", "sizes", "expected"), NONZERO)
def test_neurobench_unit_expectations(layer, sizes, expected):
    shape = (25,) if isinstance(layer, nn.RNNCellBase) else sizes
    found = neurobench_metrics(Wrapped(layer, sizes), [torch.rand(2, *shape) + 0.1])
    assert found.synaptic_operations.dense == expected
    assert found.synaptic_operations.effective_macs == expected


def test_neurobench_linear_and_leaky_over_ten_steps():
    net = nn.Sequential(nn.Linear(20, 5, bias=False), leaky())
    nn.init.ones_(net[0].weight)

    def forward(x):
        for step in x.unbind(1):
            net(step)

    found = neurobench_metrics(net, [torch.ones(3, 10, 20)], forward)
    assert found.synaptic_operations.effective_acs == 1_000
    assert found.membrane_updates == 50
    utils.reset(net)
    silent = neurobench_metrics(net, [torch.zeros(3, 10, 20)], forward).neuron_operations
    assert (silent.effective, silent.dense) == (20, 200)


def test_neurobench_documentation_example():
    layer = nn.Linear(3, 3, bias=False)
    layer.weight.data = torch.tensor([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [4.0, 0.0, 5.0]])
    record = count_ops(layer, torch.tensor([[0.0, 1.3, -1.0]]))
    assert (record.dense_macs, record.effective_macs, record.effective_acs) == (9, 4, 0)
    assert connection_sparsity(layer) == 0.3333
