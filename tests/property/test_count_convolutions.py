"""Any geometry, any zeros: counts are those of a rerun with ones for values."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from neurodeploy.bench.counting.torch_counter import count_ops  # noqa: E402

VALUES = {"binary": [0, 1], "ternary": [-1, 0, 1], "integer": [0, 2, -3], "graded": [0, 0.5, -2]}


@st.composite
def layers(draw):
    axes = draw(st.integers(1, 3))
    transposed = draw(st.booleans())
    groups = draw(st.integers(1, 3))
    each = {
        "kernel_size": st.integers(1, 3),
        "stride": st.integers(1, 3),
        "dilation": st.integers(1, 2),
        "padding": st.integers(0, 3),
    }
    options = {k: tuple(draw(v) for _ in range(axes)) for k, v in each.items()}
    if transposed:
        limits = zip(options["stride"], options["dilation"], strict=True)
        options["output_padding"] = tuple(draw(st.integers(0, max(p) - 1)) for p in limits)
    name = f"Conv{'Transpose' if transposed else ''}{axes}d"
    c_in, c_out = (groups * draw(st.integers(1, 2)) for _ in range(2))
    layer = getattr(nn, name)(c_in, c_out, groups=groups, bias=False, **options)
    sizes = tuple(draw(st.integers(1, 6)) for _ in range(axes))
    return layer, (2, c_in, *sizes)


@settings(max_examples=120)
@given(layers(), st.sampled_from(sorted(VALUES)), st.sampled_from([0.0, 0.5]), st.integers(0, 99))
def test_counts_are_those_of_a_rerun(drawn, kind, pruned, seed):
    layer, shape = drawn
    torch.manual_seed(seed)
    chosen = torch.tensor(VALUES[kind], dtype=torch.float32)
    x = chosen[torch.randint(len(chosen), shape)]
    layer.weight.data *= torch.rand_like(layer.weight) >= pruned
    try:
        layer(x)
    except RuntimeError:
        assume(False)  # the output would be empty
    (row,) = count_ops(layer, x).layers
    ones = torch.ones_like(layer.weight)
    present, zeros = (layer.weight != 0).float(), (layer.weight == 0).float()

    def rerun(values, weights) -> int:
        layer.weight.data = weights
        return int(layer(values).sum())

    assert row.dense_macs == rerun(torch.ones(shape), ones)
    assert row.effective.synaptic_operations == rerun((x != 0).float(), present)
    assert row.zero_weights.synaptic_operations == rerun((x != 0).float(), zeros)
    assert row.spikes_in == int((x != 0).sum())
    if kind == "integer":
        assert row.effective.repeated == rerun(x.abs(), present)
    elif kind != "graded":
        assert row.effective.graded == row.effective.integer == 0
