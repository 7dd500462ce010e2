"""Products, fan-outs and compositions against matrices built one unit vector at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from neurodeploy.ir.linear_map import LinearMap, apply_all, compose
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.ir.synapses import conv_output_shape, correlate, fan_out, fixed_sum


@st.composite
def convolutions(draw, axes=None, integers=True):
    axes = axes or draw(st.sampled_from([1, 2]))
    groups = draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 3)) for _ in range(axes)]
    stride = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(axes))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(axes))
    spatial = [
        d * (k - 1) + 1 + draw(st.integers(0, 4)) for k, d in zip(kernel, dilation, strict=True)
    ]
    c_in, c_out = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.integers(-3, 4, size=(c_out, c_in // groups, *kernel)).astype(float)
    return (c_in, *spatial), weights, ConvGeometry(stride, padding, dilation, groups)


def slow_correlation(x, weights, g):
    """One sample, by the definition: out[o] = sum over taps of w[tap] x[o stride - pad + tap d]."""
    out = np.zeros(conv_output_shape(x.shape, weights.shape, g))
    per_group = weights.shape[0] // g.groups
    for index in np.ndindex(out.shape):
        first = index[0] // per_group * weights.shape[1]
        for c, *tap in np.ndindex(weights.shape[1:]):
            at = [
                o * s - p + t * d
                for o, s, p, t, d in zip(
                    index[1:], g.stride, g.padding, tap, g.dilation, strict=True
                )
            ]
            if all(0 <= a < n for a, n in zip(at, x.shape[1:], strict=True)):
                out[index] += weights[(index[0], c, *tap)] * x[(first + c, *at)]
    return out


@settings(max_examples=60)
@given(convolutions())
def test_correlate_is_the_definition(case):
    shape, weights, geometry = case
    x = np.random.default_rng(0).integers(-4, 5, size=(2, *shape)).astype(float)
    got = correlate(x, weights, geometry)
    expected = np.stack([slow_correlation(each, weights, geometry) for each in x])
    np.testing.assert_array_equal(got, expected)


def conv_program(shape, weights, geometry):
    out = conv_output_shape(shape, weights.shape, geometry)
    kind = f"conv{len(shape) - 1}d"
    synapse = Synapse("s", "in", "n", kind, weights, geometry=geometry)
    params = {"du": 1.0, "dv": 1.0, "bias": 0.0, "v_init": 0.0}
    neuron = Neuron("n", out, "integrator", params)
    return Program("p", "real", 1.0, (Port("in", shape),), (neuron,), (synapse,), ("n",)), synapse


@settings(max_examples=40)
@given(convolutions())
def test_fan_out_counts_connections(case):
    """The fan-out of an input is the number of outputs that a unit weight there reaches."""
    shape, weights, geometry = case
    program, synapse = conv_program(shape, weights, geometry)
    for non_zero in (True, False):
        mask = (weights != 0) if non_zero else np.ones_like(weights)
        # a tap reaches an output at most once, so ones in and ones in the weights count them
        expected = np.zeros(shape, dtype=int)
        for index in np.ndindex(shape):
            x = np.zeros(shape)
            x[index] = 1.0
            expected[index] = int(slow_correlation(x, mask.astype(float), geometry).sum())
        np.testing.assert_array_equal(fan_out(program, synapse, non_zero=non_zero), expected)


def test_fan_out_of_dense_and_sparse():
    weights = np.array([[1, 0, 2], [0, 0, -4]])
    neuron = Neuron("n", (2,), "integrator", {})
    dense = Synapse("s", "in", "n", "dense", weights)
    csr = Synapse("s", "in", "n", "sparse", sparse.csr_array(weights))
    program = Program("p", "real", 1.0, (Port("in", (3,)),), (neuron,), (dense,), ("n",))
    assert fan_out(program, dense, non_zero=True).tolist() == [1, 0, 2]
    assert fan_out(program, dense, non_zero=False).tolist() == [2, 2, 2]
    assert fan_out(program, csr, non_zero=True).tolist() == [1, 0, 2]


def test_weight_exponent_shifts_the_sum_and_floors_to_the_right():
    weights = np.array([[3, -5]])
    for exponent, expected in ((2, -8), (0, -2), (-1, -1), (-2, -1), (-3, -1)):
        synapse = Synapse("s", "in", "n", "dense", weights, weight_exp=exponent)
        assert fixed_sum(synapse, np.ones((1, 2)), (1,))[0, 0] == expected


@st.composite
def chains(draw):
    """Maps one after another, as between two populations: pools, convolutions, scales, a matrix."""
    shape, weights, geometry = draw(convolutions(axes=2))
    maps = []
    if draw(st.booleans()):
        size = draw(st.integers(1, 2))
        pooled = (shape[0], shape[1] * size, shape[2] * size)
        pool = np.full((shape[0], 1, size, size), 1 / size**2)
        g = ConvGeometry((size, size), (0, 0), (1, 1), groups=shape[0])
        maps.append(LinearMap("conv2d", pooled, shape, pool, g))
    out = conv_output_shape(shape, weights.shape, geometry)
    maps.append(LinearMap("conv2d", shape, out, weights, geometry))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scaling = draw(st.sampled_from(["none", "scalar", "channel", "element"]))
    if scaling != "none":
        sizes = {"scalar": (), "channel": (out[0], 1, 1), "element": out}
        maps.append(LinearMap("scale", out, out, rng.normal(size=sizes[scaling])))
    if draw(st.booleans()):
        n = int(np.prod(out))
        maps.append(LinearMap("reshape", out, (n,)))
        maps.append(LinearMap("dense", (n,), (3,), rng.normal(size=(3, n))))
    return tuple(maps)


@settings(max_examples=60)
@given(chains())
def test_composed_synapse_is_the_chain(maps):
    source, target = maps[0].in_shape, maps[-1].out_shape
    kind, weights, geometry = compose(maps, source, "test")
    synapse = Synapse("s", "in", "n", kind, weights, geometry=geometry)
    x = np.random.default_rng(0).normal(size=(3, *source))
    from neurodeploy.ir.synapses import linear

    got = linear(synapse, x, target)
    np.testing.assert_allclose(got, apply_all(maps, x), atol=1e-9)


def test_pooling_before_a_convolution_stays_a_convolution():
    pool = np.full((2, 1, 2, 2), 0.25)
    g = ConvGeometry((2, 2), (0, 0), (1, 1), groups=2)
    conv = np.random.default_rng(0).normal(size=(4, 2, 3, 3))
    maps = (
        LinearMap("conv2d", (2, 8, 8), (2, 4, 4), pool, g),
        LinearMap("conv2d", (2, 4, 4), (4, 4, 4), conv, ConvGeometry((1, 1), (1, 1), (1, 1))),
    )
    kind, weights, geometry = compose(maps, (2, 8, 8), "test")
    assert kind == "conv2d"
    assert weights.shape == (4, 2, 6, 6)
    assert geometry.stride == (2, 2)
