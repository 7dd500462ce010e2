"""Random layers: the graph gives what torch gives, to float64 rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.frontends.snntorch import to_nir  # noqa: E402
from neurodeploy.frontends.snntorch.neuron_layers import SNNTORCH  # noqa: E402
from neurodeploy.frontends.tracer.network_copy import in_float64  # noqa: E402
from tests.fuzz import examples  # noqa: E402

DT = 1e-3


def agrees(net, shape, seed):
    """A membrane read-out behind the layers, so that every value counts."""
    x = np.random.default_rng(seed).normal(size=(4, 2, *shape))
    graph = to_nir(net, shape, dt=DT).graph
    twin = in_float64(net, SNNTORCH)
    with torch.no_grad():
        expected = np.stack([twin(step)[-1].numpy() for step in torch.from_numpy(x)])
    np.testing.assert_allclose(pipeline.run(graph, x, dt=DT).output, expected, rtol=0, atol=1e-9)


def readout():
    return snn.Leaky(beta=0.5, reset_mechanism="none", init_hidden=True, output=True)


def norm(kind, channels, generator):
    layer = kind(
        channels, affine=bool(generator.integers(2)), eps=10.0 ** -generator.integers(1, 6)
    )
    layer.running_mean = torch.tensor(generator.normal(size=channels)).float()
    layer.running_var = torch.tensor(generator.uniform(0.1, 3, size=channels)).float()
    if layer.affine:
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    return layer


@st.composite
def convolutions(draw, axes):
    groups = draw(st.integers(1, 3))
    stride = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(axes))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(axes))
    padding = draw(st.sampled_from(["same", "valid", "numbers"]))
    if padding == "same":
        uneven = any(d > 1 and d * (k - 1) % 2 for d, k in zip(dilation, kernel, strict=True))
        assume(set(stride) == {1} and not uneven)
    elif padding == "numbers":
        padding = tuple(draw(st.integers(0, 2)) for _ in range(axes))
    channels = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    size = tuple(draw(st.integers(7, 9)) for _ in range(axes))
    kind = {1: nn.Conv1d, 2: nn.Conv2d}[axes]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return kind(*channels, kernel, bias=draw(st.booleans()), **options), (channels[0], *size)


@pytest.mark.parametrize("axes", [1, 2])
@given(
    data=st.data(), seed=st.integers(0, 1000), batch_norms=st.integers(0, 2), before=st.booleans()
)
@settings(max_examples=examples(60))
def test_convolutions_and_the_batch_norms_around_them(axes, data, seed, batch_norms, before):
    """Of one before, padding shows: it is zero behind the norm, too."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    conv, shape = data.draw(convolutions(axes))
    kind = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}[axes]
    norms = [norm(kind, conv.out_channels, generator) for _ in range(batch_norms)]
    first = [norm(kind, conv.in_channels, generator)] if before else []
    agrees(nn.Sequential(*first, conv, *norms, nn.Dropout(), readout()), shape, seed)


@given(
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 1),
    ceil_mode=st.booleans(),
    size=st.tuples(st.integers(1, 3), st.integers(4, 8), st.integers(4, 8)),
)
@settings(max_examples=examples(40))
def test_average_pooling(kernel, stride, padding, ceil_mode, size):
    assume(padding <= kernel // 2)
    hangs_out = any((n + 2 * padding - kernel) % stride for n in size[1:])
    assume(not (ceil_mode and hangs_out))
    pool = nn.AvgPool2d(kernel, stride, padding=padding, ceil_mode=ceil_mode)
    agrees(nn.Sequential(pool, readout()), size, 0)


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    data=st.data(),
)
@settings(max_examples=examples(40))
def test_flattening(shape, data):
    start = data.draw(st.integers(1, len(shape)))
    end = data.draw(st.integers(start, len(shape)))
    agrees(nn.Sequential(nn.Flatten(start, end), readout()), shape, 0)


@given(st.integers(1, 5), st.integers(1, 5), st.booleans(), st.integers(0, 2), st.integers(0, 9))
@settings(max_examples=examples(30))
def test_linear_layers(inputs, outputs, bias, batch_norms, seed):
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    norms = [norm(nn.BatchNorm1d, outputs, generator) for _ in range(batch_norms)]
    agrees(nn.Sequential(nn.Linear(inputs, outputs, bias=bias), *norms, readout()), (inputs,), seed)
