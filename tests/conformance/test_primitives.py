"""Every example of every NIR primitive: interpreter and Program against its equations, anew."""

from __future__ import annotations

import nir
import numpy as np
import pytest

import neurodeploy
from neurodeploy import pipeline
from neurodeploy.backends import reference
from neurodeploy.errors import VerificationError
from neurodeploy.ir.lowering import lower
from neurodeploy.passes.quantize import Options
from neurodeploy.primitives import PRIMITIVES

DT = 1e-3
STEPS = 40
CASES = [
    pytest.param(name, node, shape, id=f"{name}-{i}")
    for name in PRIMITIVES
    for i, (node, shape) in enumerate(PRIMITIVES[name].examples())
]
STATEFUL = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Threshold")


def graph_of(node: nir.NIRNode, shape: tuple[int, ...]) -> nir.NIRGraph:
    out = PRIMITIVES[type(node).__name__].output_shape(node, shape, "node")
    nodes = {
        "input": nir.Input({"input": np.array(shape)}),
        "node": node,
        "output": nir.Output({"output": np.array(out)}),
    }
    return nir.NIRGraph(nodes, [("input", "node"), ("node", "output")], type_check=False)


def evaluate(node: nir.NIRNode, x: np.ndarray, exact: bool = False) -> np.ndarray:
    """x (T, *shape) through the node, from its definition; Euler, or with `exact` decays."""
    name = type(node).__name__
    if name in ("Linear", "Affine"):
        return x @ node.weight.T + (node.bias if name == "Affine" else 0.0)
    if name == "Scale":
        return x * node.scale
    if name == "Flatten":
        return x.reshape(len(x), -1)
    if name == "Delay":
        columns = [
            np.concatenate([np.zeros(k), column])[: len(x)]
            for k, column in zip(np.rint(node.delay / DT).astype(int), x.T, strict=True)
        ]
        return np.stack(columns, axis=1)
    if name in ("Conv1d", "Conv2d", "AvgPool2d", "SumPool2d"):
        return np.stack([windowed(node, frame) for frame in x])
    return stateful(node, x, exact)


def windowed(node: nir.NIRNode, frame: np.ndarray) -> np.ndarray:
    """Convolution or pooling of one frame by looping over output positions and taps."""
    axes = frame.ndim - 1

    def pair(value):
        return np.broadcast_to(np.asarray(value).ravel(), (axes,))

    pooling = hasattr(node, "kernel_size")
    kernel = tuple(pair(node.kernel_size)) if pooling else node.weight.shape[2:]
    dilation = np.ones(axes, int) if pooling else pair(node.dilation)
    groups = len(frame) if pooling else int(node.groups)
    weight = np.ones((len(frame), 1, *kernel)) if pooling else node.weight
    if isinstance(node, nir.AvgPool2d):
        weight = weight / np.prod(kernel)
    padding, stride = pair(node.padding), pair(node.stride)
    padded = np.pad(frame, [(0, 0), *((p, p) for p in padding)])
    spatial = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(padded.shape[1:], kernel, stride, dilation, strict=True)
    ]
    out = np.zeros((len(weight), *spatial))
    per_group = len(weight) // groups
    for channel, *at in np.ndindex(out.shape):
        first = (channel // per_group) * weight.shape[1]
        for tap in np.ndindex(*kernel):
            place = tuple(
                a * s + t * d for a, s, t, d in zip(at, stride, tap, dilation, strict=True)
            )
            values = padded[(slice(first, first + weight.shape[1]), *place)]
            out[(channel, *at)] += values @ weight[(channel, slice(None), *tap)]
    bias = 0.0 if pooling or node.bias is None else node.bias.reshape(-1, *[1] * axes)
    return out + bias


def stateful(node: nir.NIRNode, x: np.ndarray, exact: bool) -> np.ndarray:
    name = type(node).__name__
    v, current, out = np.zeros(x.shape[1:]), np.zeros(x.shape[1:]), []

    def share(tau):
        return 1 - np.exp(-DT / tau) if exact else DT / tau

    for value in x:
        if name == "Threshold":
            out.append(value > node.threshold)
            continue
        drive = value
        if name.startswith("Cuba"):
            current = current + share(node.tau_syn) * (node.w_in * value - current)
            drive = current
        if name in ("I", "IF"):
            v = v + DT * node.r * drive
        else:
            tau = node.tau_mem if name.startswith("Cuba") else node.tau
            v = v + share(tau) * (node.v_leak - v + node.r * drive)
        if name.endswith("F"):
            spikes = v > node.v_threshold
            v = np.where(spikes, node.v_reset, v)
            out.append(spikes)
        else:
            out.append(v)
    return np.stack(out).astype(float)


@pytest.mark.parametrize("word", ["forward_euler", "exact_decay"])
@pytest.mark.parametrize(("name", "node", "shape"), CASES)
def test_interpreter_and_real_program_follow_the_equations(name, node, shape, word):
    x = np.random.default_rng(1).normal(0.3, 1.0, size=(STEPS, *shape))
    graph = graph_of(node, shape)
    expected = evaluate(node, x, word == "exact_decay")
    meaning = neurodeploy.interpret(graph, x, dt=DT, discretisation=word)
    np.testing.assert_allclose(meaning.output[:, 0], expected, rtol=0, atol=1e-12)
    trace = reference.run(lower(graph, DT, PRIMITIVES, discretisation=word), x)
    np.testing.assert_allclose(trace.output[:, 0], expected, rtol=0, atol=1e-12)
    assert np.any(expected != 0), "an example that stays silent shows nothing"


@pytest.mark.parametrize(("name", "node", "shape"), CASES)
def test_fixed_program_stays_close(name, node, shape):
    """Compiled for Loihi 2: read-outs within 2 % of their range, spikes at most 10 % apart."""
    x = np.random.default_rng(2).normal(0.3, 1.0, size=(STEPS, 4, *shape))
    options = Options(input_bits=12)
    compiled = pipeline.compile(
        graph_of(node, shape), "loihi2", calibration=x, dt=DT, options=options
    )
    real, fixed = reference.run(compiled.real, x), reference.run(compiled.program, x)
    name = fixed.program.outputs[0]
    if fixed.program.is_graded(name):
        gap = np.abs(fixed.real(name) - real.real(name)).max()
        assert gap <= 0.02 * np.abs(real.output).max()
    else:
        assert (fixed.output != real.output).mean() <= 0.10


def test_every_primitive_has_an_example():
    assert set(PRIMITIVES) == {p.values[0] for p in CASES}
    assert set(STATEFUL) < set(PRIMITIVES)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stride", (0, 1)),
        ("stride", (1, 1, 1)),
        ("dilation", 0),
        ("padding", (-1, 0)),
        ("bias", np.ones(5)),
        ("groups", 0),
    ],
)
def test_a_convolution_that_torch_would_not_build_is_refused(key, value):
    node = nir.Conv2d((4, 4), np.ones((2, 1, 2, 2)), (1, 1), (0, 0), (1, 1), 1, np.ones(2))
    graph = graph_of(node, (1, 4, 4))
    setattr(node, key, np.asarray(value))
    with pytest.raises(VerificationError, match=r"node node \["):
        lower(graph, DT, PRIMITIVES)


@pytest.mark.parametrize(("key", "value"), [("stride", (0, 0)), ("kernel_size", (2, 2, 2))])
def test_a_pooling_that_torch_would_not_build_is_refused(key, value):
    two = np.array([2, 2])
    node = nir.AvgPool2d(kernel_size=two, stride=two, padding=np.array([0, 0]))
    graph = graph_of(node, (1, 4, 4))
    setattr(node, key, np.asarray(value))
    with pytest.raises(VerificationError, match=rf"node node \[{key}\]"):
        lower(graph, DT, PRIMITIVES)
