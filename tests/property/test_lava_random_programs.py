"""Random fixed Programs on Lava against the reference: every integer of u, v, s at every step."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from neurodeploy.backends import lava, reference
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.ir.synapses import conv_output_shape
from neurodeploy.ir.verify import verify_program
from tests.fuzz import examples

Array = np.ndarray[Any, np.dtype[Any]]
STEPS = 14
PROGRAMS = settings(
    max_examples=examples(18),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def session() -> Iterator[lava.Session]:
    """Not the suite's: a worker that has run netx has torch, and forks more slowly."""
    with lava.Session() as session:
        yield session


def _weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int, sign: str) -> Array:
    """Integers that a synapse memory of `bits` holds, a third of them zero."""
    step = 1 << (8 - bits + (sign == "mixed"))
    low, high = {"mixed": (-256, 254), "excitatory": (0, 255), "inhibitory": (-255, 0)}[sign]
    values = rng.integers(-(-low // step), high // step + 1, shape) * step
    return np.where(rng.random(shape) < 0.33, 0, values)


@st.composite
def _memory(draw: st.DrawFn, shape: tuple[int, ...], graded: bool) -> dict[str, Any]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bits = draw(st.sampled_from([8, 8, 8, 5, 1]))
    sign = draw(st.sampled_from(["mixed", "mixed", "excitatory", "inhibitory"]))
    return {
        "weights": _weights(rng, shape, bits, sign),
        "num_weight_bits": bits,
        "weight_exp": draw(st.integers(-8, 1) if graded else st.integers(-3, 7)),
    }


@st.composite
def _neuron(draw: st.DrawFn, name: str, shape: tuple[int, ...]) -> Neuron:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    models = ["cuba_lif", "soft_lif", "soft_lif_at_once", "refractory_lif"]
    model = draw(st.sampled_from(models))
    state = st.sampled_from([0, 1000, (1 << 23) - 1])
    v_init = draw(state)
    params: dict[str, Any] = {
        "du": draw(st.sampled_from([4095, 0, 1, 700, 3000])),
        "dv": draw(st.sampled_from([0, 1, 300, 2048, 4095])),
        "vth": draw(st.sampled_from([0, 20, 400, 5000, 131071])),
        "bias": rng.integers(-4096, 4096, shape) if draw(st.booleans()) else 0,
        "bias_exp": draw(st.integers(0, 7)),
        "v_init": rng.integers(-v_init, v_init + 1, shape) if v_init else 0,
    }
    if model == "soft_lif":
        params["subtract"] = draw(st.sampled_from([0, 20, 400, 131071]))
    if draw(st.integers(0, 3)) == 0:
        params |= {"du": rng.integers(0, 4096, shape), "vth": rng.integers(0, 5000, shape)}
    return Neuron(name, shape, model, params)


@st.composite
def _geometry(draw: st.DrawFn, source: tuple[int, ...]) -> tuple[tuple[int, ...], ConvGeometry]:
    """Shape of the weights, and a geometry under which the source is large enough."""
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if source[0] % g == 0]))
    out = groups * draw(st.integers(1, 2))
    kernel, stride, padding, dilation = [], [], [], []
    for size in source[1:]:
        padding.append(draw(st.integers(0, 2)))
        kernel.append(draw(st.integers(1, min(3, size + 2 * padding[-1]))))
        room = (size + 2 * padding[-1] - 1) // max(kernel[-1] - 1, 1)
        dilation.append(draw(st.integers(1, max(1, min(2, room)))))
        stride.append(draw(st.integers(1, 3)))
    geometry = ConvGeometry(tuple(stride), tuple(padding), tuple(dilation), groups)
    return (out, source[0] // groups, *kernel), geometry


@st.composite
def _matrix_synapse(
    draw: st.DrawFn, name: str, source: Port | Neuron, target: Neuron, graded: bool
) -> Synapse:
    kind = draw(st.sampled_from(["dense", "sparse"]))
    shape = (prod(target.shape), prod(source.shape))
    memory = draw(_memory(shape, graded))
    if kind == "sparse":
        memory["weights"] = csr_array(memory["weights"])
    delay = draw(st.sampled_from([1, 1, 1, 2, 5]))
    return Synapse(name, source.name, target.name, kind, delay=delay, **memory)


@st.composite
def matrix_programs(draw: st.DrawFn, recurrent: bool) -> Program:
    """One to three populations, some with a second or skipping synapse; loops if asked for."""
    port = Port("in", (draw(st.integers(1, 7)),), draw(st.sampled_from([0, 0, 4, 8])), signed=True)
    nodes: list[Any] = [port]
    synapses: list[Synapse] = []
    for i in range(draw(st.integers(1, 3))):
        target = draw(_neuron(f"n{i}", (draw(st.integers(1, 6)),)))
        sources = [nodes[-1], *([draw(st.sampled_from(nodes))] if draw(st.booleans()) else [])]
        sources += [target] if recurrent else []
        for j, source in enumerate(sources):
            graded = source is port and port.num_message_bits > 0
            synapses.append(draw(_matrix_synapse(f"s{i}.{j}", source, target, graded)))
        nodes.append(target)
    return draw(_finished(port, nodes[1:], synapses))


@st.composite
def conv_programs(draw: st.DrawFn, axes: int) -> Program:
    """One or two convolutions and a dense layer behind them."""
    size = st.integers(1, 6)
    shape = (draw(st.sampled_from([1, 2, 3])), *(draw(size) for _ in range(axes)))
    port = Port("in", shape, draw(st.sampled_from([0, 0, 5])), signed=True)
    nodes: list[Any] = [port]
    synapses: list[Synapse] = []
    for i in range(draw(st.integers(1, 2))):
        source = nodes[-1]
        graded = source is port and port.num_message_bits > 0
        weights_shape, geometry = draw(_geometry(source.shape))
        out = conv_output_shape(source.shape, weights_shape, geometry)
        target = draw(_neuron(f"n{i}", out))
        memory = draw(_memory(weights_shape, graded))
        memory["weight_exp"] = draw(st.sampled_from([0, 0, memory["weight_exp"]]))
        delay = draw(st.sampled_from([1, 1, 3]))
        kind: Any = f"conv{axes}d"
        synapses.append(
            Synapse(
                f"c{i}", source.name, target.name, kind, delay=delay, geometry=geometry, **memory
            )
        )
        nodes.append(target)
    last = draw(_neuron("n9", (3,)))
    synapses.append(draw(_matrix_synapse("d", nodes[-1], last, False)))
    return draw(_finished(port, [*nodes[1:], last], synapses))


@st.composite
def _finished(
    draw: st.DrawFn, port: Port, neurons: list[Neuron], synapses: list[Synapse]
) -> Program:
    """The last population becomes a read-out in one of three Programs, unless it feeds itself."""
    looped = any(s.source == neurons[-1].name for s in synapses)
    if not looped and draw(st.integers(0, 2)) == 0:
        last = neurons[-1]
        model, params = f"{last.model}_membrane", last.params
        if model not in NEURON_MODELS:
            model = "integrator"
            params = {k: v for k, v in last.params.items() if k != "vth"}
        neurons = [*neurons[:-1], Neuron(last.name, last.shape, model, params)]
    outputs = (neurons[-1].name,)
    return Program("random", "fixed", 1e-3, (port,), tuple(neurons), tuple(synapses), outputs)


@st.composite
def inputs_for(draw: st.DrawFn, program: Program) -> Array:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    port = program.inputs[0]
    low, high = port.limits
    shape = (STEPS, draw(st.sampled_from([1, 1, 2])), *port.shape)
    values = rng.integers(low, high + 1, shape)
    return np.where(rng.random(shape) < 0.5, 0, values)


def assert_same(program: Program, inputs: Array, session: lava.Session, route: Any) -> None:
    verify_program(program)
    expected = reference.run(program, inputs, probe="all")
    trace = lava.run(program, inputs, probe="all", route=route, session=session)
    assert trace.states.keys() == expected.states.keys()
    for key, values in expected.states.items():
        np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
    np.testing.assert_array_equal(trace.output, expected.output)
    assert trace.counts.synapses == expected.counts.synapses
    assert [n.spikes for n in trace.counts.neurons] == [n.spikes for n in expected.counts.neurons]


@PROGRAMS
@given(data=st.data())
def test_feed_forward_matrices(session: lava.Session, data: st.DataObject) -> None:
    program = data.draw(matrix_programs(recurrent=False))
    assert_same(program, data.draw(inputs_for(program)), session, "processes")


@PROGRAMS
@given(data=st.data())
def test_recurrent_matrices(session: lava.Session, data: st.DataObject) -> None:
    program = data.draw(matrix_programs(recurrent=True))
    assert_same(program, data.draw(inputs_for(program)), session, "processes")


@PROGRAMS
@given(data=st.data())
def test_conv1d(session: lava.Session, data: st.DataObject) -> None:
    program = data.draw(conv_programs(axes=1))
    assert_same(program, data.draw(inputs_for(program)), session, "processes")


@PROGRAMS
@given(data=st.data())
def test_conv2d(session: lava.Session, data: st.DataObject) -> None:
    program = data.draw(conv_programs(axes=2))
    assert_same(program, data.draw(inputs_for(program)), session, "processes")
