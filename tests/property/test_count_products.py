"""Matrix products of any two operands, and the counts that a device without numba makes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from neurodeploy.bench.counting.record import ByValue  # noqa: E402
from neurodeploy.bench.counting.torch_counter import count_ops  # noqa: E402
from neurodeploy.bench.counting.values import Tally, kinds_of, tally_on_device  # noqa: E402

KINDS = ([0, 1], [-1, 0, 1], [-3, 0, 15], [0.0, 0.5, 16.0])
FIELDS = ("binary", "ternary", "integer", "graded")


class Product(nn.Module):
    def __init__(self, weight=None, left: bool = False) -> None:
        super().__init__()
        self.weight = None if weight is None else nn.Parameter(weight)
        self.left = left

    def forward(self, a, b):
        b = b if self.weight is None else self.weight
        return torch.matmul(b, a) if self.left else torch.matmul(a, b)


def drawn(kind: int, *shape: int):
    chosen = torch.tensor(KINDS[kind], dtype=torch.float32)
    return chosen[torch.randint(len(chosen), shape)]


def kind_of(values) -> int:
    """By definition, value by value."""
    found = values.flatten().tolist()
    if all(v in (0, 1) for v in found):
        return 0
    if all(v in (-1, 0, 1) for v in found):
        return 1
    return 2 if all(v == int(v) and abs(v) <= 15 for v in found) else 3


@settings(max_examples=60)
@given(
    st.tuples(*[st.integers(1, 4)] * 4),
    st.tuples(*[st.integers(0, 3)] * 2),
    st.sampled_from(["activations", "right", "left"]),
    st.integers(0, 99),
)
def test_each_row_is_booked_by_the_better_of_its_operands(sizes, kinds, form, seed):
    torch.manual_seed(seed)
    batch, m, k, n = sizes
    a, b = drawn(kinds[0], batch, m, k), drawn(kinds[1], batch, k, n)
    if form == "right":
        b = drawn(kinds[1], k, n)
    if form == "left":
        a, b = a.mT.contiguous(), drawn(kinds[1], n, k)
    weight = None if form == "activations" else b
    record = count_ops(Product(weight, form == "left"), a, b)
    (row,) = record.layers
    if form == "left":  # columns of a are its rows
        a, b = a.mT, b.mT
    expected = dict.fromkeys(FIELDS, 0)
    for i in range(batch):
        right = b[i] if b.dim() == 3 else b
        for j in range(m):
            kind = kind_of(a[i, j])
            if form == "activations":
                kind = min(kind, kind_of(right))
            expected[FIELDS[kind]] += int((a[i, j] != 0).float() @ (right != 0).float().sum(1))
    assert {what: getattr(row.effective, what) for what in FIELDS} == expected
    assert row.dense_macs == batch * m * k * n
    assert row.op == ("matmul" if form == "activations" else "linear")


@settings(max_examples=60)
@given(
    st.tuples(*[st.integers(1, 5)] * 4),
    st.integers(0, 3),
    st.sampled_from(["one", "channel", "position", "all"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_both_ways_to_tally_are_one(shape, kind, form, limited, by_call, seed):
    """What runs on a graphics processor is compared here on the CPU."""
    torch.manual_seed(seed)
    x = drawn(kind, *shape)
    groups, _, channels, positions = shape
    sizes = {
        "one": (1, 1, 1),
        "channel": (groups, channels, 1),
        "position": (1, 1, positions),
        "all": (groups, channels, positions),
    }[form]
    reach = torch.randint(0, 9, sizes)
    kinds = torch.randint(0, 4, (groups,)) if limited else None
    tally = Tally()
    tally.add(x, shape, reach, kinds, by_call)
    elsewhere = tally_on_device(x, reach, kinds, by_call)
    assert tally.sums == elsewhere.tolist()
    assert isinstance(tally.by_value, ByValue)
    assert kinds_of(x).tolist() == [kind_of(group) for group in x]
