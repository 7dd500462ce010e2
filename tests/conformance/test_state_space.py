"""LI and a block-diagonal feedback: what it means, that it is one `s4d`, and when it is none."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag
from scipy.signal import cont2discrete

import neurodeploy
from neurodeploy import pipeline
from neurodeploy.backends import cpu, lava, reference
from neurodeploy.errors import UnsupportedLayer
from neurodeploy.frontends.state_space import s4d_graph
from neurodeploy.ir.flatten import flatten

Array = np.ndarray[Any, np.dtype[Any]]
DT = 1e-3


def parameters(seed: int, channels: int, modes: int) -> tuple[Array, ...]:
    """A, B, C, D and step."""
    rng = np.random.default_rng(seed)
    shape = (channels, modes)
    poles = -(10.0 ** rng.uniform(-1, 1, shape)) + 1j * rng.normal(scale=50.0, size=shape)
    b, c = (rng.normal(size=shape) + 1j * rng.normal(size=shape) for _ in range(2))
    return poles, b, c, rng.normal(size=channels), 10.0 ** rng.uniform(-3, -1, channels)


def graph(nodes: dict[str, nir.NIRNode], shape: tuple[int, ...], *more: tuple[str, str]) -> Any:
    """in -> every node in order -> out, and more edges."""
    ports = {
        "in": nir.Input({"input": np.array(shape)}),
        "out": nir.Output({"output": np.array(shape)}),
    }
    chain = ["in", *(n for n in nodes if n != "w"), "out"]
    edges = [*itertools.pairwise(chain), *more]
    return flatten(nir.NIRGraph({**ports, **nodes}, edges, type_check=False))


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 5))
def test_the_graph_is_scipys_zero_order_hold_and_one_population(
    seed: int, channels: int, modes: int
) -> None:
    given = parameters(seed, channels, modes)
    u = np.random.default_rng(seed).normal(size=(40, 1, channels, 1))
    network = graph({"ssm": s4d_graph(*given, dt=DT)}, (channels, 1))
    expected = np.zeros((40, channels))
    for h, (pole, b, c, d, step) in enumerate(zip(*given, strict=True)):
        hold = cont2discrete((np.diag(pole), b[:, None], 2 * c[None], d), step, "zoh")
        z = np.zeros((modes, 1), dtype=np.complex128)
        for t, value in enumerate(u[:, 0, h, 0]):
            z = hold[0] @ z + hold[1] * value
            expected[t, h] = (hold[2] @ z).real.item() + d * value
    size = np.abs(expected).max() + 1.0
    said = pipeline.interpret(network, u, dt=DT).output[:, 0, :, 0]
    assert np.abs(said - expected).max() <= 1e-12 * size
    program = pipeline.load(network, DT)
    assert {n.name: (n.model, n.shape) for n in program.neurons} == {
        "ssm.state": ("s4d", (channels * modes, 1)),
        "out": ("integrator", (channels, 1)),
    }
    assert np.abs(reference.run(program, u).output[:, 0, :, 0] - said).max() <= 1e-12 * size


def matrices(seed: int, modes: int = 3, inputs: int = 2) -> dict[str, nir.NIRNode]:
    """The same shape as matrices: complex b, tau of its own, each mode read by one output."""
    rng = np.random.default_rng(seed)
    turns = 0.5 * np.exp(1j * rng.uniform(-3, 3, modes))
    blocks = block_diag(*([[z.real, -z.imag], [z.imag, z.real]] for z in turns))
    direction = rng.normal(size=(modes, 2))
    into = np.einsum("mi,mk->mki", rng.normal(size=(modes, inputs)), direction)
    read = np.zeros((inputs, 2 * modes))
    for mode in range(modes):
        read[mode % inputs, 2 * mode : 2 * mode + 2] = rng.normal(size=2)
    tau = np.repeat(rng.uniform(2, 9, modes) * DT, 2)
    return {
        "b": nir.Linear(into.reshape(2 * modes, inputs)),
        "state": nir.LI(tau=tau, r=np.full(2 * modes, 1.5), v_leak=np.zeros(2 * modes)),
        "w": nir.Linear(blocks),
        "c": nir.Affine(read, rng.normal(size=inputs)),
    }


LOOP = (("state", "w"), ("w", "state"))


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["forward_euler", "exact_decay"]))
def test_matrices_with_any_direction_and_time_constant_are_recognised(
    seed: int, discretisation: str
) -> None:
    network = graph(matrices(seed), (2,), *LOOP)
    u = np.random.default_rng(seed).normal(size=(30, 2, 2))
    said = pipeline.interpret(network, u, dt=DT, discretisation=discretisation).output
    program = pipeline.load(network, DT, discretisation)
    assert [(n.model, n.shape) for n in program.neurons if n.name == "state"] == [("s4d", (3,))]
    np.testing.assert_allclose(reference.run(program, u).output, said, rtol=0, atol=1e-11)


def near_misses() -> dict[str, tuple[dict[str, nir.NIRNode], tuple[tuple[str, str], ...]]]:
    found = {}
    for name in ("tau", "block", "between", "bias on w", "bias on b", "driven", "read", "v_leak"):
        nodes: dict[str, Any] = matrices(0)
        found[name] = (nodes, LOOP)
        w = nodes["w"].weight
        if name == "tau":
            nodes["state"].tau[0] *= 1.5
        elif name == "block":
            w[0, 0] += 0.1
        elif name == "between":
            w[0, 3] = 0.1
        elif name == "driven":
            nodes["b"].weight[0, 0] += 0.1
        elif name == "read":
            nodes["c"].weight[:, :2] = [[1.0, 0.0], [0.0, 1.0]]
        elif name == "bias on w":
            nodes["w"] = nir.Affine(w, np.full(6, 0.1))
        elif name == "bias on b":
            nodes["b"] = nir.Affine(nodes["b"].weight, np.full(6, 0.1))
        else:
            nodes["state"].v_leak[2] = 0.1
    reads = {**matrices(0), "c2": nir.Linear(np.eye(2))}
    found["a second reader"] = (reads, (*LOOP, ("state", "side"), ("side", "c2")))
    reads["side"] = nir.Linear(np.ones((2, 6)))
    return found


@pytest.mark.parametrize("case", near_misses())
def test_what_is_not_quite_it_keeps_its_rows_and_its_meaning(case: str) -> None:
    nodes, more = near_misses()[case]
    side = nodes.pop("side", None)
    network = graph(nodes, (2,))
    if side is not None:
        network.nodes["side"] = side
    network.edges += list(more)
    u = np.random.default_rng(1).normal(size=(30, 1, 2))
    program = pipeline.load(network, DT)
    assert program.shapes["state"] == (6,)
    said = pipeline.interpret(network, u, dt=DT).output
    np.testing.assert_allclose(reference.run(program, u).output, said, rtol=0, atol=1e-11)


def spiking(shape: tuple[int, ...]) -> nir.LIF:
    one = np.ones(shape)
    return nir.LIF(tau=2 * DT * one, r=one, v_leak=0 * one, v_threshold=one, v_reset=0 * one)


def sums(shape: tuple[int, ...]) -> nir.LI:
    one = np.ones(shape)
    return nir.LI(tau=DT * one, r=one, v_leak=0 * one)


def lin(channels: int, modes: int, seed: int) -> nir.NIRGraph:
    """S4D-Lin."""
    rng = np.random.default_rng(seed)
    poles = np.broadcast_to(-0.5 + 1j * np.pi * np.arange(modes), (channels, modes))
    c = rng.normal(size=poles.shape) + 1j * rng.normal(size=poles.shape)
    step = 10.0 ** rng.uniform(-3, -1, channels)
    return s4d_graph(poles, np.ones_like(poles), c, rng.normal(size=channels), step, dt=DT)


@pytest.mark.parametrize(("spikes", "error"), [(True, 2e-3), (False, 1e-2)])
def test_two_layers_have_the_same_integers_everywhere(
    spikes: bool, error: float, session: lava.Session
) -> None:
    """error: of the modes, root mean square; graded inputs have 8 bits."""
    rng = np.random.default_rng(5)
    shape = (3, 1)
    nodes = {
        "ssm1": lin(3, 8, 1),
        "lif1": spiking(shape),
        "mix": nir.Conv1d(1, rng.normal(size=(3, 3, 1)), 1, 0, 1, 1, np.zeros(3)),
        "sum": sums(shape),
        "ssm2": lin(3, 8, 2),
        "lif2": spiking(shape),
    }
    u = (rng.random((60, 2, *shape)) < 0.4).astype(float)
    u = u if spikes else rng.normal(size=u.shape)
    network = graph(nodes, shape)
    compiled = neurodeploy.compile(network, "loihi2", calibration=u, dt=DT)
    models = {n.name: n.model for n in compiled.program.neurons}
    assert [models[n] for n in ("ssm1.state", "sum", "ssm2.state")] == ["s4d"] * 3
    assert pipeline.interpret(network, u, dt=DT).output.tolist() == (
        reference.run(compiled.real, u).output.tolist()
    )
    expected = reference.run(compiled.program, u, probe="all")
    traces = [lava.run(compiled.program, u, probe="all", session=session)]
    traces.append(cpu.run(compiled.program, u, probe="all"))
    for trace in traces:
        for key, values in expected.states.items():
            np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
    real = reference.run(compiled.real, u, probe="all").aligned("ssm1.state/y")
    gap = expected.real("ssm1.state/y") - real
    assert np.sqrt(np.mean(gap**2)) < error * np.sqrt(np.mean(real**2))


def test_a_filter_that_feeds_neurons_is_a_mode_by_itself() -> None:
    rng = np.random.default_rng(2)
    slow = nir.LI(tau=np.array([4, 7, 20]) * DT, r=np.ones(3), v_leak=np.zeros(3))
    mix = nir.Linear(rng.normal(size=(3, 3)))
    network = graph({"slow": slow, "mix": mix, "lif": spiking((3,))}, (3,), ("slow", "lif"))
    u = 4 * rng.random((80, 2, 3))
    compiled = neurodeploy.compile(network, "loihi2", calibration=u, dt=DT)
    assert compiled.program.neuron("slow").model == "s4d"
    traces = [lib.run(compiled.program, u, probe="all") for lib in (reference, cpu, lava)]
    for trace in traces[1:]:
        for key, values in traces[0].states.items():
            np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
    said = pipeline.interpret(network, u, dt=DT)
    assert said.output.mean() > 0.1
    assert (traces[0].aligned("lif") != said.output).mean() < 0.02


def test_the_file_is_read_by_nir_itself(tmp_path: Path) -> None:
    network = graph({"ssm": lin(2, 3, 0)}, (2, 1))
    path = tmp_path / "net.nir"
    neurodeploy.write_nir(path, network, {"dt": DT})
    again = nir.read(path, type_check=False)
    u = np.random.default_rng(0).normal(size=(20, 1, 2, 1))
    outputs = [pipeline.interpret(each, u, dt=DT).output for each in (network, again)]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize(
    ("index", "value", "rule"),
    [(0, 1j * np.ones((2, 3)), "decay"), (3, np.ones(3), "shape"), (4, -np.ones(2), "positive")],
)
def test_what_is_no_state_space_is_refused(index: int, value: Array, rule: str) -> None:
    given = list(parameters(0, 2, 3))
    given[index] = value
    with pytest.raises(UnsupportedLayer, match=rf"\[{rule}\]"):
        s4d_graph(*given, dt=DT)
