"""Convolutions of every shape: ours against torch.nn.functional, in shape, value and refusal."""

from __future__ import annotations

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.errors import VerificationError
from neurodeploy.ir.clock import Clock
from neurodeploy.primitives import PRIMITIVES
from tests.fuzz import examples

torch = pytest.importorskip("torch")
CLOCK = Clock(1e-3)
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")


@st.composite
def convolutions(draw, axes):
    """A nir.Conv, its input `(B, C_in, *spatial)` and torch's answer (None where it refuses)."""

    def per_axis(low, high):
        one = st.integers(low, high)
        value = draw(st.one_of(one, st.tuples(*[one] * axes)))
        return value if isinstance(value, int) or draw(st.booleans()) else np.array(value)

    groups = draw(st.integers(1, 3))
    c_in, c_out = (groups * draw(st.integers(1, 2)) for _ in range(2))
    kernel = draw(st.tuples(*[st.integers(1, 4)] * axes))
    spatial = draw(st.tuples(*[st.integers(1, 9)] * axes))
    stride = draw(st.sampled_from([1, 1, 1, None]))
    stride = per_axis(1, 3) if stride is None else stride
    dilation = per_axis(1, 3)
    padding = draw(st.sampled_from(["same", "valid", b"same", None, None]))
    padding = per_axis(0, 2) if padding is None else padding
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weight = rng.normal(size=(c_out, c_in // groups, *kernel))
    bias = rng.normal(size=c_out) if draw(st.booleans()) else np.zeros(c_out)
    kind = nir.Conv1d if axes == 1 else nir.Conv2d
    node = kind(None, weight, stride, 0, dilation, groups, bias)
    node.padding = padding  # as a file may hold it: bytes or an array
    x = rng.normal(size=(2, c_in, *spatial))
    return node, x


def torchs_answer(node, x):
    """None where torch refuses the combination."""

    def plain(value):
        if isinstance(value, bytes):
            return value.decode()
        return tuple(int(v) for v in value) if np.ndim(value) else value

    function = torch.nn.functional.conv1d if x.ndim == 3 else torch.nn.functional.conv2d
    tensors = (torch.from_numpy(np.asarray(a)) for a in (x, node.weight, node.bias))
    options = [plain(getattr(node, key)) for key in ("stride", "padding", "dilation")]
    try:
        return function(*tensors, *options, node.groups).numpy()
    except RuntimeError:
        return None


def check(node, x):
    rule = PRIMITIVES[type(node).__name__]
    expected = torchs_answer(node, x)
    if expected is None:
        for method in (rule.interpret, rule.lower):
            with pytest.raises(VerificationError, match=r"n \[(shape|padding)\]"):
                method(node, x.shape[1:], CLOCK, "n")
        return
    assert rule.output_shape(node, x.shape[1:], "n") == expected.shape[1:]
    _, sent = rule.interpret(node, x.shape[1:], CLOCK, "n").step({}, x)
    np.testing.assert_allclose(sent, expected, atol=1e-12)
    lowered = rule.lower(node, x.shape[1:], CLOCK, "n")
    bias = 0.0 if lowered.bias is None else lowered.bias
    np.testing.assert_allclose(lowered.map.apply(x) + bias, expected, atol=1e-12)


@settings(max_examples=examples(1000))
@given(convolutions(axes=1))
def test_conv1d_is_torchs(case):
    check(*case)


@settings(max_examples=examples(1500))
@given(convolutions(axes=2))
def test_conv2d_is_torchs(case):
    check(*case)
