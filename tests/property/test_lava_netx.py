"""Random sequential Programs through a netx file and lava-dl's loader, against the reference."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.backends import lava, reference
from neurodeploy.backends.lava.netx import netx_problems, write_netx
from neurodeploy.errors import UnsupportedPrimitive
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.ir.synapses import conv_output_shape
from tests.fuzz import examples

pytest.importorskip("torch", reason="lava-dl's loader needs torch")
Array = np.ndarray[Any, np.dtype[Any]]
STEPS = 14


def _mixed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Even, of both signs, large enough that the loader finds nothing to scale."""
    values = rng.integers(-100, 100, shape) * 2
    values.flat[0] = 202 if values.size == 1 or values.flat[-1] < 0 else -202
    return values


def _neuron(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Neuron:
    params: dict[str, Any] = {
        "du": int(rng.choice([4095, 500, 3000])),
        "dv": int(rng.choice([0, 300, 4095])),
        "vth": int(rng.choice([20, 400, 2000])),
        "bias": rng.integers(-50, 50, shape) if rng.random() < 0.5 else 0,
        "bias_exp": 6,
        "v_init": 0,
    }
    return Neuron(name, shape, "cuba_lif", params)


def _dense(rng: np.random.Generator, source: Any, target: Neuron, delay: int = 1) -> Synapse:
    weights = _mixed(rng, (prod(target.shape), prod(source.shape)))
    name = f"{source.name}-{target.name}"
    return Synapse(name, source.name, target.name, "dense", weights, delay)


def _conv(rng: np.random.Generator, source: Any, name: str) -> tuple[Neuron, Synapse]:
    axes = len(source.shape) - 1
    groups = int(rng.choice([1, source.shape[0]]))
    shape = (2 * groups, source.shape[0] // groups, *([3, 2][:axes]))
    stride, padding = (int(rng.integers(1, 3)),) * axes, (1, 2)[:axes]
    geometry = ConvGeometry(stride, padding, (1,) * axes, groups)
    target = _neuron(rng, name, conv_output_shape(source.shape, shape, geometry))
    kind: Any = f"conv{axes}d"
    weights = _mixed(rng, shape)
    synapse = Synapse(f"{name}.c", source.name, name, kind, weights, 1, geometry)
    return target, synapse


def sequential_program(seed: int, convs: int, axes: int, recurrent: bool, graded: int) -> Program:
    rng = np.random.default_rng(seed)
    shape = (2, *(6, 5)[:axes]) if convs else (5,)
    port = Port("in", shape, graded, signed=True)
    nodes: list[Any] = [port]
    synapses = []
    for i in range(convs):
        neuron, synapse = _conv(rng, nodes[-1], f"c{i}")
        nodes.append(neuron)
        synapses.append(synapse)
    hidden = _neuron(rng, "hidden", (6,))
    delay = 1 if recurrent else int(rng.choice([1, 4]))
    synapses.append(_dense(rng, nodes[-1], hidden, delay))
    if recurrent:
        synapses.append(_dense(rng, hidden, hidden))
    params = {k: v for k, v in _neuron(rng, "", (3,)).params.items() if k != "vth"}
    last = Neuron("out", (3,), "integrator", {**params, "dv": 300, "bias": 0})
    synapses.append(_dense(rng, hidden, last))
    neurons = (*nodes[1:], hidden, last)
    return Program("netx", "fixed", 1e-3, (port,), neurons, tuple(synapses), ("out",))


@settings(max_examples=examples(18), deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    convs=st.integers(0, 2),
    axes=st.integers(1, 2),
    recurrent=st.booleans(),
    graded=st.sampled_from([0, 0, 4]),
)
def test_netx_runs_the_reference_s_integers(
    session: lava.Session, seed: int, convs: int, axes: int, recurrent: bool, graded: int
) -> None:
    program = sequential_program(seed, convs, axes, recurrent, graded)
    low, high = program.inputs[0].limits
    rng = np.random.default_rng(seed)
    inputs = rng.integers(low, high + 1, (STEPS, 2, *program.inputs[0].shape))
    assert netx_problems(program) == []
    expected = reference.run(program, inputs, probe="all")
    trace = lava.run(program, inputs, probe="all", route="netx", session=session)
    assert trace.route == "lava/netx"
    for key, values in expected.states.items():
        np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
    assert trace.counts.synapses == expected.counts.synapses


@settings(max_examples=examples(18), deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    low=st.integers(-256, 0),
    high=st.integers(0, 255),
    step=st.sampled_from([1, 2, 8, 64]),
)
def test_weights_that_the_loader_would_change_are_refused_and_all_others_run(
    session: lava.Session, seed: int, low: int, high: int, step: int, tmp_path_factory: Any
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(low, high + 1, (3, 2)) // step * step
    if weights.min() < 0 < weights.max():
        weights = weights // 2 * 2
    weights = np.maximum(weights, -256 if weights.max() > 0 else -255)
    port = Port("in", (2,))
    neuron = _neuron(rng, "out", (3,))
    program = Program(
        "w",
        "fixed",
        1e-3,
        (port,),
        (neuron,),
        (Synapse("s", "in", "out", "dense", weights, 1),),
        ("out",),
    )
    inputs = rng.integers(0, 2, (6, 1, 2))
    expected = reference.run(program, inputs, probe="all")
    if netx_problems(program):
        path: Path = tmp_path_factory.mktemp("netx") / "w.net"
        with pytest.raises(UnsupportedPrimitive, match="netx-weights"):
            write_netx(path, program)
        assert not path.exists()
        return
    trace = lava.run(program, inputs, probe="all", route="netx", session=session)
    for key, values in expected.states.items():
        np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
