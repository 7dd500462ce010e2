"""The torch counter against reruns, arithmetic and other ways to run the same network."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from neurodeploy.bench.counting.convention import Convention  # noqa: E402
from neurodeploy.bench.counting.record import ByValue  # noqa: E402
from neurodeploy.bench.counting.torch_counter import OperationCounter, count_ops  # noqa: E402
from neurodeploy.errors import UnsupportedLayer  # noqa: E402


def rows(record):
    return {(row.name, row.op): row for row in record.layers}


def totals(record):
    return record.dense_macs, record.synaptic_operations, record.effective_acs, record.bias_adds


GEOMETRIES = [
    (nn.Conv1d, (5,), {"kernel_size": 3, "padding": 1, "stride": 2}),
    (nn.Conv2d, (7, 6), {"kernel_size": 3, "padding": 1}),
    (nn.Conv2d, (7, 6), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0), "groups": 2}),
    (nn.Conv2d, (7, 6), {"kernel_size": 3, "dilation": 2, "padding": 2, "stride": 2}),
    (nn.Conv2d, (7, 6), {"kernel_size": 2, "padding": "same"}),
    (nn.Conv2d, (7, 6), {"kernel_size": 3, "padding": 1, "padding_mode": "circular"}),
    (nn.Conv3d, (4, 5, 3), {"kernel_size": 2, "padding": 1}),
    (nn.ConvTranspose1d, (5,), {"kernel_size": 3, "stride": 2, "padding": 1, "groups": 2}),
    (nn.ConvTranspose2d, (7, 6), {"kernel_size": 3, "stride": 2, "padding": 1}),
    (nn.ConvTranspose2d, (4, 3), {"kernel_size": 3, "stride": 3, "output_padding": 1}),
]


@pytest.mark.filterwarnings("ignore:Using padding=")
@pytest.mark.parametrize("pruned", [False, True], ids=["full", "pruned"])
@pytest.mark.parametrize(("kind", "size", "options"), GEOMETRIES)
def test_convolution_counts_equal_a_binarised_rerun(kind, size, options, pruned):
    torch.manual_seed(0)
    layer = kind(4, 6, bias=False, **options)
    if pruned:
        layer.weight.data *= torch.rand_like(layer.weight) > 0.3
    x = torch.randn(2, 4, *size) * (torch.rand(2, 4, *size) > 0.5)
    record = count_ops(layer, x)
    (row,) = (row for row in record.layers if row.dense_macs)
    layer.weight.data = (layer.weight != 0).float()
    assert record.effective_macs == int(layer((x != 0).float()).sum())
    layer.weight.data.fill_(1.0)
    assert record.dense_macs == int(layer(torch.ones_like(x)).sum())
    assert row.zero_weights.graded == int(layer((x != 0).float()).sum()) - record.effective_macs


def test_zeros_that_are_padded_beforehand_are_padding():
    x = torch.rand(2, 3, 6, 5)
    layer = nn.Conv2d(3, 4, 3, padding=1)
    ahead = nn.Conv2d(3, 4, 3)
    ahead.load_state_dict(layer.state_dict())
    expected, found = count_ops(layer, x), count_ops(nn.Sequential(nn.ZeroPad2d(1), ahead), x)
    assert totals(found) == totals(expected)
    assert found.layers[-1].padding_taps == expected.layers[0].padding_taps > 0


def test_each_sample_decides_what_its_values_are():
    x = torch.tensor([[1.0, 0, 0, 1], [1, 0, -1, 1], [3, 0, 1, 2], [0.5, 0, 1, 1], [16, 1, 0, 0]])
    record = count_ops(nn.Linear(4, 10), x, samples=5)
    (row,) = record.layers
    assert row.effective == ByValue(20, 30, 30, 60, 50)
    assert (record.effective_acs, record.effective_macs) == (80, 50)
    assert record.by(Convention(integers="repeated")).effective_acs == 110
    assert record.by(Convention(integers="macs")).effective_macs == 80
    assert record.macs_per_step == 40


def test_all_samples_of_a_call_may_decide_together():
    x = torch.tensor([[1.0, 0.0, -1.0, 1.0], [0.5, 0.0, 1.0, 1.0]])
    record = count_ops(nn.Linear(4, 10), x, convention=Convention(unit="call"))
    assert (record.effective_acs, record.effective_macs) == (0, 60)


def test_pruned_weights_and_silent_inputs_are_not_effective():
    layer = nn.Conv1d(1, 1, 3, bias=False)
    layer.weight.data = torch.tensor([[[1.0, 0.0, 2.0]]])
    silent = count_ops(layer, torch.zeros(1, 1, 5))
    assert (silent.dense_macs, silent.synaptic_operations) == (9, 0)
    record = count_ops(layer, torch.ones(1, 1, 5))
    assert record.effective_acs == 6
    assert record.by(Convention(zero_weights="counted")).effective_acs == 9


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_counts_do_not_depend_on_the_number_format(dtype):
    x = torch.tensor([[1.0, 0.0, 1.0], [2.0, -0.5, 1.0]], dtype=dtype)
    (row,) = count_ops(nn.Linear(3, 5, dtype=dtype), x).layers
    assert row.effective == ByValue(binary=10, graded=15)


def test_sums_stay_exact_beyond_what_a_float_holds():
    x = torch.ones(1, 2**14 + 1)
    layer = nn.Linear(2**14 + 1, 2**11 + 1, bias=False, device="meta").to_empty(device="cpu")
    nn.init.ones_(layer.weight)
    assert count_ops(layer, x).effective_acs == (2**14 + 1) * (2**11 + 1)  # odd, above 2^24


class Functional(nn.Module):
    """The same network as `layers`, by functions and by a subclass."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x):
        conv, _, linear = self.layers
        x = functional.conv2d(x, conv.weight, conv.bias, padding=1).flatten(1)
        return functional.linear(x, linear.weight, linear.bias)


class Einsum(Functional):
    def forward(self, x):
        conv, _, linear = self.layers
        x = functional.conv2d(x, conv.weight, conv.bias, padding=1).flatten(1)
        return torch.einsum("bi,oi->bo", x, linear.weight) + linear.bias


class Inference(Functional):
    @torch.inference_mode()
    def forward(self, x):
        return super().forward(x)


@pytest.mark.parametrize("kind", [Functional, Einsum, Inference])
def test_functions_subclasses_and_einsum_are_counted_like_layers(kind):
    class Subclass(nn.Linear):
        pass

    layers = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Flatten(), Subclass(75, 4))
    x = (torch.rand(6, 2, 5, 5) > 0.5).float()
    expected = count_ops(layers, x)
    assert expected.dense_macs == 6 * (2 * 3 * (3 * 5 - 2) ** 2 + 75 * 4)
    assert totals(count_ops(kind(layers), x)) == totals(expected)


def test_bias_is_beside_the_macs_and_calls_are_kept_apart_by_module():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False))
    record = count_ops(net, torch.rand(5, 3), samples=5)
    first, rectifier, last = record.layers
    assert (first.name, first.dense_macs, first.bias_adds, first.parameters) == ("0", 60, 20, 16)
    assert (rectifier.op, rectifier.compares) == ("activation", 20)
    assert rectifier.spikes_out == last.spikes_in
    assert (last.name, last.dense_macs, last.bias_adds, last.weight_bytes) == ("2", 40, 0, 32)
    assert record.by(Convention(bias="in")).dense_macs == 120


def test_batch_normalisation_folds_into_the_layer_before_it_alone():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2)
    )
    record = count_ops(net, torch.rand(1, 1, 4, 4))
    assert rows(record)["1", "batch_norm"].folds_into == "0"
    assert rows(record)["3", "batch_norm"].folds_into == ""
    assert (record.bias_adds, record.element_adds) == (0, 8 + 8 + 8)
    folded = record.by(Convention(batch_norm="folded"))
    assert (folded.bias_adds, folded.element_adds) == (8, 8 + 8 + 8)
    assert sum(row.multiplies for row in folded.counted) == 8


def test_a_norm_by_the_statistics_of_its_input_does_not_fold():
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.InstanceNorm1d(2))
    (_, row) = count_ops(net, torch.rand(1, 1, 8)).layers
    assert (row.op, row.folds_into, row.multiplies) == ("norm", "", 3 * 12)


def test_pooling():
    x = torch.rand(1, 2, 7, 6)
    windows = [min(7, -(-7 * (i + 1) // 3)) - 7 * i // 3 for i in range(3)]
    pools = {
        nn.MaxPool2d(2): ("compares", 2 * 3 * 3 * 3),
        nn.AvgPool2d((3, 2), stride=1): ("adds", 2 * 5 * 5 * 5),
        nn.AdaptiveAvgPool2d((3, 2)): ("adds", 2 * (sum(windows) * 6 - 6)),
    }
    for pool, (what, count) in pools.items():
        (row,) = count_ops(pool, x).layers
        assert (row.op, getattr(row, what)) == ("pool", count)


@pytest.mark.parametrize(
    "pool",
    [nn.AvgPool2d(2), nn.AdaptiveAvgPool2d((3, 2)), nn.AvgPool2d((3, 1), (2, 1), (1, 0))],
    ids=["average", "adaptive", "padded"],
)
def test_means_of_spikes_are_graded_or_folded_into_weights(pool):
    torch.manual_seed(0)
    x = (torch.rand(4, 3, 6, 4) < 0.5).float()
    outputs = pool(x)[0].numel()
    net = nn.Sequential(pool, nn.Flatten(), nn.Linear(outputs, 7, bias=False))
    graded, folded = (count_ops(net, x, convention=Convention(means=m)) for m in ("run", "folded"))
    nonzero = 7 * int(torch.count_nonzero(pool(x)))
    area = {2: 4, (3, 2): 4, (3, 1): 3}[getattr(pool, "kernel_size", (3, 2))]
    spikes = 7 * int((pool(x).double() * area).round().sum())
    assert (graded.effective_macs, graded.effective_acs) == (nonzero, 0)
    assert (folded.effective_macs, folded.effective_acs) == (0, nonzero)
    assert folded.by(Convention(integers="repeated", means="folded")).effective_acs == spikes
    assert sum(row.multiplies for row in folded.layers) == 0


def test_means_of_graded_activations_stay_graded():
    net = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 7))
    record = count_ops(net, torch.rand(2, 1, 4, 4), convention=Convention(means="folded"))
    assert record.effective_macs == 2 * 4 * 7


def attention_by_hand(q, k, v, mask):
    scores = torch.einsum("bhle,bhse->bhls", q, k) * q.shape[-1] ** -0.5
    weights = torch.softmax(scores.masked_fill(~mask, float("-inf")), -1)
    kept = torch.einsum("bhls,bhse->bhle", (weights != 0).double(), (v != 0).double()).sum()
    return int(kept) + int(torch.einsum("bhle,bhse->", (q != 0).double(), (k != 0).double()))


@pytest.mark.parametrize("causal", [False, True])
def test_fused_attention_counts_both_products(causal):
    torch.manual_seed(1)
    q, k, v = (torch.randn(2, 3, 5, 8) * (torch.rand(2, 3, 5, 8) > 0.5) for _ in "qkv")
    mask = torch.ones(5, 5, dtype=torch.bool).tril() if causal else torch.ones(5, 5).bool()

    class Attention(nn.Module):
        def forward(self, q, k, v):
            return functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    record = count_ops(Attention(), q, k, v)
    assert {row.op for row in record.layers} == {"attention", "softmax"}
    assert record.dense_macs == 2 * 2 * 3 * 5 * 5 * 8
    assert record.synaptic_operations == attention_by_hand(q, k, v, mask)


def test_products_of_spikes_are_accumulations_if_either_side_is_binary():
    class Scores(nn.Module):
        def forward(self, q, k):
            return torch.matmul(q, k.transpose(1, 2))

    q, k = torch.randn(1, 4, 8), (torch.rand(1, 5, 8) > 0.5).float()
    record = count_ops(Scores(), q, k)
    assert record.dense_macs == 4 * 5 * 8
    assert (record.effective_macs, record.effective_acs) == (0, 4 * int(k.sum()))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)])
def test_recurrent_layers_are_their_cells_step_by_step(kind, gates, layers):
    torch.manual_seed(0)
    net, x = kind(6, 5, layers), torch.randn(7, 2, 6)
    record = count_ops(net, x, samples=2, steps=7)
    dense = gates * 5 * ((6 + 5) + (layers - 1) * (5 + 5))
    assert record.macs_per_step == dense
    assert record.synaptic_operations == 14 * dense - layers * 2 * gates * 5 * 5  # h starts at 0
    assert record.bias_adds == 14 * 2 * gates * 5 * layers
    assert not record.uncounted


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_layer_costs_as_much_as_its_cell(kind):
    torch.manual_seed(0)
    layer = kind(4, 3)
    cell = {nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell}[kind](4, 3)
    x = torch.randn(1, 2, 4)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    layers, cells = count_ops(layer, x), count_ops(cell, x[0])
    assert totals(layers) == totals(cells)
    for what in ("multiplies", "adds", "functions"):
        assert sum(getattr(r, what) for r in layers.layers) == sum(
            getattr(r, what) for r in cells.layers
        )


def test_what_is_not_counted_is_listed_and_strict_refuses_it():
    class Spectrum(nn.Module):
        def forward(self, x):
            return torch.fft.rfft(x).real.sort().values

    record = count_ops(Spectrum(), torch.rand(4, 8))
    assert record.uncounted == {"aten._fft_r2c": 1, "aten.sort": 1}
    with pytest.raises(UnsupportedLayer) as caught:
        count_ops(Spectrum(), torch.rand(4, 8), strict=True)
    assert [d.where for d in caught.value.diagnostics] == ["aten._fft_r2c", "aten.sort"]


def test_products_of_complex_numbers_are_no_macs():
    class Rotation(nn.Module):
        def forward(self, x):
            return x @ x

    record = count_ops(Rotation(), torch.ones(3, 3, dtype=torch.complex64))
    assert (record.dense_macs, record.uncounted) == (0, {"complex matrix product": 1})


def test_modules_of_torchscript_are_refused():
    with pytest.raises(UnsupportedLayer, match="TorchScript"):
        count_ops(torch.jit.trace(nn.Linear(4, 3), torch.rand(1, 4)), torch.rand(1, 4))


def test_the_meta_device_counts_shapes():
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
        net[3] = nn.Linear(8 * 16, 2)
        record = count_ops(net, torch.rand(2, 3, 4, 4))
    assert not record.exact_values
    assert record.dense_macs == 2 * (3 * 8 * 10 * 10 + 8 * 16 * 2)
    assert record.by(Convention(padding="in")).dense_macs == 2 * (3 * 8 * 9 * 16 + 8 * 16 * 2)
    assert record.synaptic_operations == 0


def test_a_block_counts_every_call_in_it_and_weights_that_change():
    layer = nn.Linear(4, 3)
    x = torch.ones(1, 4)
    with torch.no_grad(), OperationCounter(layer) as counter:
        layer(x)
        layer.weight[0, 0] = 0.0
        layer(x)
        layer.weight = nn.Parameter(torch.zeros(3, 4))
        layer(x)
    (row,) = counter.record(samples=3).layers
    assert (row.calls, row.effective.binary, row.zero_weights.binary) == (3, 12 + 11, 1 + 12)


def test_forward_that_fails_leaves_no_hook_and_no_mode_behind():
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(5, 2))
    with pytest.raises(RuntimeError):
        count_ops(net, torch.rand(1, 4))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert count_ops(net[0], torch.ones(1, 4)).effective_acs == 12


def test_training_modes_come_back():
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 3))
    net[1].eval()
    count_ops(net, torch.rand(1, 3))
    assert net[0].training
    assert not net[1].training


def test_the_module_runs_as_it_does_without_a_counter():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.LSTM(16, 3)
    )
    net.eval()
    x = torch.rand(3, 2, 4, 4)
    plain = net(x)[0]
    with OperationCounter(net):
        counted = net(x)[0]
    np.testing.assert_array_equal(plain.detach(), counted.detach())
