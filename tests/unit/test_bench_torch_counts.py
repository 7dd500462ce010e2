"""The torch counter against numbers from arithmetic and from the literature."""

from __future__ import annotations

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from neurodeploy.bench.torch_counts import count_ops  # noqa: E402


def conv_stack(*channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for c_in, c_out in pairwise(channels):
        layers += [nn.Conv2d(c_in, c_out, 5, padding=2), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def test_published_dense_of_the_google_speech_commands_snn():
    # NeuroBench leaderboard: 29,030,400 dense operations over T = 200 steps.
    sizes = (20, 256, 256, 256, 35)
    pairs = pairwise(sizes)
    net = nn.Sequential(*(nn.Linear(a, b) for a, b in pairs))
    assert count_ops(net, torch.rand(1, 20)).dense_macs == 145_152 == 29_030_400 // 200


def test_published_dense_of_the_dvs_gesture_snn_needs_padding_excluded():
    # NeuroBench leaderboard: 891,206,400 over T = 150; with padding taps it would be 1,107,609,600.
    net = nn.Sequential(conv_stack(2, 16, 32, 64), nn.Flatten(), nn.Linear(1024, 11))
    assert count_ops(net, torch.rand(1, 2, 32, 32)).dense_macs == 5_941_376 == 891_206_400 // 150


def vgg16(classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    c_in = 3
    for block, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(block):
            layers.append(nn.Conv2d(c_in, width, 3, padding=1, bias=False))
            c_in = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, classes))


def test_vgg16_on_32_pixels_with_padding_excluded():
    with torch.device("meta"):
        net = vgg16(10)
    net = net.to_empty(device="cpu")
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    assert count_ops(net, torch.rand(1, 3, 32, 32)).dense_macs == 247_314_176


def test_fvcore_documentation_toy():
    class Toy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 10, 1)
            self.fc = nn.Linear(1000, 10)

        def forward(self, x):
            return self.fc(self.conv(x).flatten(1))

    counts = count_ops(Toy(), torch.rand(1, 3, 10, 10))
    assert {layer.module: layer.dense_macs for layer in counts.layers} == {
        "conv": 3_000,
        "fc": 10_000,
    }


@pytest.mark.parametrize(
    ("module", "inputs", "dense"),
    [
        (nn.Conv2d(1, 1, 3), (torch.rand(1, 1, 12, 12),), 900),
        (nn.Conv1d(5, 1, 5), (torch.rand(1, 5, 10),), 150),
        (nn.RNNCell(25, 5), (torch.rand(1, 25), torch.rand(1, 5)), 150),
        (nn.LSTMCell(25, 5), (torch.rand(1, 25), (torch.rand(1, 5), torch.rand(1, 5))), 600),
        (nn.GRUCell(25, 5), (torch.rand(1, 25), torch.rand(1, 5)), 450),
    ],
    ids=["conv2d", "conv1d", "rnn", "lstm", "gru"],
)
def test_neurobench_unit_expectations(module, inputs, dense):
    # Of NeuroBench's 615 (LSTM) and 465 (GRU), 15 are element-wise products: listed, not MACs.
    assert count_ops(module, *inputs).dense_macs == dense


def test_neurobench_documentation_example():
    layer = nn.Linear(3, 3, bias=False)
    layer.weight.data = torch.tensor([[1.0, 2.0, 0.0], [0.0, 3.0, 1.0], [4.0, 0.0, 5.0]])
    counts = count_ops(layer, torch.tensor([[0.0, 1.3, -1.0]]))
    assert (counts.dense_macs, counts.effective_macs, counts.effective_acs) == (9, 4, 0)


GEOMETRIES = [
    (nn.Conv2d, {"kernel_size": 3, "padding": 1}),
    (nn.Conv2d, {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0), "groups": 2}),
    (nn.Conv2d, {"kernel_size": 3, "dilation": 2, "padding": 2, "stride": 2}),
    (nn.ConvTranspose2d, {"kernel_size": 3, "stride": 2, "padding": 1}),
]


@pytest.mark.parametrize(("kind", "options"), GEOMETRIES)
def test_convolution_counts_equal_a_binarised_rerun(kind, options):
    torch.manual_seed(0)
    layer = kind(4, 6, bias=False, **options)
    layer.weight.data *= torch.rand_like(layer.weight) > 0.3
    x = torch.randn(2, 4, 7, 6) * (torch.rand(2, 4, 7, 6) > 0.5)
    counts = count_ops(layer, x)
    layer.weight.data = (layer.weight != 0).float()
    assert counts.effective_macs == int(layer((x != 0).float()).sum())
    layer.weight.data.fill_(1.0)
    assert counts.dense_macs == int(layer(torch.ones_like(x)).sum())


def test_each_sample_decides_between_macs_and_acs():
    x = torch.tensor([[1.0, 0.0, -1.0, 1.0], [0.5, 0.0, 1.0, 1.0]])
    counts = count_ops(nn.Linear(4, 10), x, samples=2)
    assert (counts.effective_acs, counts.effective_macs) == (30, 30)
    assert counts.macs_per_pass == 40


def test_pruned_weights_and_silent_inputs_are_not_effective():
    layer = nn.Conv1d(1, 1, 3, bias=False)
    layer.weight.data = torch.tensor([[[1.0, 0.0, 2.0]]])
    counts = count_ops(layer, torch.zeros(1, 1, 5))
    assert (counts.dense_macs, counts.effective_macs, counts.effective_acs) == (9, 0, 0)
    assert count_ops(layer, torch.ones(1, 1, 5)).effective_acs == 6


class Attention(nn.Module):
    def forward(self, q, k):
        return functional.softmax(torch.matmul(q, k.transpose(1, 2)), -1)


def test_products_of_activations_are_counted_and_the_rest_is_listed():
    q, k = torch.randn(1, 4, 8), (torch.rand(1, 5, 8) > 0.5).float()
    counts = count_ops(Attention(), q, k)
    assert counts.dense_macs == 4 * 5 * 8
    assert (counts.effective_macs, counts.effective_acs) == (0, 4 * int(k.sum()))
    assert counts.uncounted == {"aten._softmax": 1}


def test_bias_is_beside_the_macs_and_calls_are_kept_apart_by_module():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False))
    counts = count_ops(net, torch.rand(5, 3), samples=5)
    first, last = counts.layers
    assert (first.module, first.dense_macs, first.bias_adds) == ("0", 60, 20)
    assert (last.module, last.dense_macs, last.bias_adds) == ("2", 40, 0)
    assert counts.activations == 20


def test_training_modes_come_back():
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 3))
    net[1].eval()
    count_ops(net, torch.rand(1, 3))
    assert net[0].training
    assert not net[1].training
