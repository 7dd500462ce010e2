"""Decays and thresholds per neuron: a population is what its neurons are one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

import neurodeploy
from neurodeploy import pipeline
from neurodeploy.backends import cpu, lava, reference
from neurodeploy.backends.lava.netx import netx_problems
from neurodeploy.backends.loihi2 import silicon_problems
from neurodeploy.errors import UnsupportedPrimitive
from neurodeploy.ir.files import read_program, write_program
from neurodeploy.ir.printer import print_program
from neurodeploy.ir.program import Neuron, Port, Program, Synapse

RNG = np.random.default_rng(5)
N = 5
INPUT = Port("in", (4,))
WEIGHTS = RNG.integers(-20, 100, (N, 4)) * 2
SPIKES = (RNG.random((60, 2, 4)) < 0.5).astype(np.int64)
PARAMS: dict[str, Any] = {
    "du": np.array([4095, 0, 1000, 1000, 3000]),
    "dv": np.array([0, 4095, 300, 300, 17]),
    "vth": np.array([900, 200, 500, 500, 700]),
    "bias": np.array([0, 3, -5, 7, 1]),
    "bias_exp": 6,
    "v_init": np.array([0, 100, -100, 7000, 0]),
}


def population() -> Program:
    synapse = Synapse("s", "in", "n", "dense", WEIGHTS, delay=1)
    neuron = Neuron("n", (N,), "cuba_lif", PARAMS)
    return Program("one", "fixed", 1e-3, (INPUT,), (neuron,), (synapse,), ("n",))


def neurons_alone() -> Program:
    """A population of one, which is Lava's own LIF, for every neuron."""
    alone = [
        {key: value if np.ndim(value) == 0 else int(value[i]) for key, value in PARAMS.items()}
        for i in range(N)
    ]
    return Program(
        "many",
        "fixed",
        1e-3,
        (INPUT,),
        tuple(Neuron(f"n{i}", (1,), "cuba_lif", params) for i, params in enumerate(alone)),
        tuple(
            Synapse(f"s{i}", "in", f"n{i}", "dense", WEIGHTS[i : i + 1], delay=1) for i in range(N)
        ),
        tuple(f"n{i}" for i in range(N)),
    )


def test_a_population_is_as_many_of_lavas_own_lif(session: lava.Session) -> None:
    oracle = lava.run(neurons_alone(), SPIKES, probe="all", route="processes", session=session)
    found = lava.run(population(), SPIKES, probe="all", route="processes", session=session)
    here = [reference.run(population(), SPIKES, probe="all")]
    here += [cpu.run(population(), SPIKES, probe="all"), found]
    for state in ("u", "v", "s"):
        expected = np.concatenate([oracle.states[f"n{i}/{state}"] for i in range(N)], axis=2)
        for trace in here:
            np.testing.assert_array_equal(trace.states[f"n/{state}"], expected, err_msg=state)
    assert all(here[0].output.sum(axis=(0, 1)) > 3)


def test_files_and_text_hold_every_value(tmp_path: Path) -> None:
    write_program(tmp_path / "p.ndp", population())
    again = read_program(tmp_path / "p.ndp")
    for key, value in PARAMS.items():
        np.testing.assert_array_equal(again.neurons[0].params[key], value)
    assert "du=[0..4095] dv=[0..4095] v_init=[-100..7000] vth=[200..900]" in print_program(again)


def test_what_has_one_value_per_layer_refuses_by_name() -> None:
    rules = {(p.where, p.rule) for p in netx_problems(population())}
    assert ("neuron n", "netx-uniform") in rules
    with pytest.raises(UnsupportedPrimitive, match="train one value per layer"):
        lava.run(population(), SPIKES, route="netx")
    (problem,) = silicon_problems(population())
    assert problem.rule == "loihi2-microcode"


def test_time_constants_and_thresholds_of_a_graph_are_compiled() -> None:
    """Every neuron's rounded decay and threshold are within half a unit of its own."""
    n, dt = 12, 1e-3
    tau, threshold = RNG.uniform(3e-3, 40e-3, n), RNG.uniform(0.5, 2.0, n)
    nodes = {
        "input": nir.Input({"input": np.array([6])}),
        "in": nir.Linear(RNG.normal(0.3, 0.4, (n, 6))),
        "lif": nir.LIF(tau, tau / dt, np.zeros(n), threshold, np.zeros(n)),
        "output": nir.Output({"output": np.array([n])}),
    }
    edges = [("input", "in"), ("in", "lif"), ("lif", "output")]
    graph = nir.NIRGraph(nodes, edges, type_check=False)
    x = (RNG.random((80, 3, 6)) < 0.4).astype(float)
    compiled = neurodeploy.compile(graph, "loihi2", calibration=x, dt=dt)
    (neuron,) = compiled.program.neurons
    scale = neuron.scale / 64
    np.testing.assert_allclose(neuron.params["dv"], 4096 * dt / tau, rtol=0, atol=0.5)
    np.testing.assert_allclose(neuron.params["vth"], threshold * scale, rtol=0, atol=0.5)
    real, fixed = reference.run(compiled.real, x), cpu.run(compiled.program, x)
    np.testing.assert_array_equal(fixed.output, pipeline.run(compiled.program, x).output)
    gap = np.mean(real.output != fixed.aligned(neuron.name))
    assert real.output.mean() > 0.05
    assert gap < 0.02
