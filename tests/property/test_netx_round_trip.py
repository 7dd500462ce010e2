"""Program -> netx file -> Program: equal in every field, or refused before a file is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from neurodeploy.backends.lava.netx import netx_problems, write_netx
from neurodeploy.errors import UnsupportedPrimitive
from neurodeploy.frontends.netx import read_netx
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.ir.verify import verify_program
from tests.netx_programs import assert_same
from tests.property.netx_files import write_random_file
from tests.property.random_programs import random_program
from tests.property.test_lava_netx import sequential_program

SEEDS = st.integers(0, 2**32 - 1)


def retold(program: Program, rng: np.random.Generator) -> Program:
    """The same network as another pass could have left it: names, scales, latencies, population
    shapes, the kind of its matrices, weights with an exponent or of fewer bits."""
    names = {name: f"{name} é{i}" for i, name in enumerate(program.shapes)}
    port = program.inputs[0]
    inputs = (replace(port, name=names[port.name], scale=float(rng.uniform(0.1, 900))),)
    neurons = tuple(_retold_neuron(n, names[n.name], program, rng) for n in program.neurons)
    synapses = [_retold_synapse(s, names, rng) for s in program.synapses]
    return replace(
        program,
        name=str(rng.integers(99)),
        dt=float(rng.uniform(1e-5, 1.0)),
        inputs=inputs,
        neurons=neurons,
        synapses=tuple(synapses),
        outputs=tuple(names[name] for name in program.outputs),
        meta={"hardware": "loihi2"},
        notes=("one", "two"),
    )


def _retold_neuron(neuron: Neuron, name: str, program: Program, rng: Any) -> Neuron:
    shape, params = neuron.shape, dict(neuron.params)
    flat = all(s.geometry is None for s in program.synapses if neuron.name in (s.source, s.target))
    if flat and neuron.size % 2 == 0 and rng.random() < 0.5:
        shape = (2, neuron.size // 2)
        params = {k: np.reshape(v, shape) if np.ndim(v) else v for k, v in params.items()}
    scale, latency = float(rng.uniform(1, 4096)), int(rng.integers(0, 9))
    return Neuron(name, shape, neuron.model, params, scale, latency)


def _retold_synapse(synapse: Synapse, names: dict[str, str], rng: Any) -> Synapse:
    weights, exponent = np.asarray(synapse.weights), 0
    if rng.random() < 0.4:
        exponent = int(rng.integers(1, 4))
        weights = weights >> (exponent + 1) << 1
    elif rng.random() < 0.3:
        exponent, weights = -1, np.clip(weights >> 1 << 2, -256, 252)
    kind = synapse.kind
    if kind == "dense" and rng.random() < 0.4:
        kind, weights = "sparse", csr_array(weights)
    source, target = names[synapse.source], names[synapse.target]
    ends = {"name": f"{synapse.name}'", "source": source, "target": target}
    return replace(synapse, **ends, kind=kind, weights=weights, weight_exp=exponent)


def written_and_read(program: Program, folder: Path) -> bool:
    """Whether netx can say it; then what is read is the same."""
    path = folder / "a.net"
    verify_program(program)
    if netx_problems(program):
        with pytest.raises(UnsupportedPrimitive):
            write_netx(path, program)
        assert not list(folder.iterdir())
        return False
    write_netx(path, program)
    assert_same(read_netx(path), program)
    return True


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=SEEDS,
    convs=st.integers(0, 2),
    axes=st.integers(1, 2),
    recurrent=st.booleans(),
    graded=st.sampled_from([0, 4]),
)
def test_a_network_in_a_row_comes_back_equal(
    tmp_path_factory: Any, seed: int, convs: int, axes: int, recurrent: bool, graded: int
) -> None:
    program = sequential_program(seed, convs, axes, recurrent, graded)
    assert written_and_read(program, tmp_path_factory.mktemp("netx"))
    program = retold(program, np.random.default_rng(seed))
    assert written_and_read(program, tmp_path_factory.mktemp("netx"))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=SEEDS,
    kind=st.sampled_from(["cuba", "sdnn"]),
    convs=st.integers(0, 2),
    denses=st.integers(1, 3),
)
def test_what_was_read_from_a_file_comes_back_equal_or_is_refused(
    tmp_path_factory: Any, seed: int, kind: str, convs: int, denses: int
) -> None:
    path = tmp_path_factory.mktemp("netx") / "a.net"
    write_random_file(path, seed, kind, convs, denses)
    written_and_read(read_netx(path, dt=1e-3), tmp_path_factory.mktemp("netx"))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=SEEDS)
def test_any_program_comes_back_equal_or_is_refused(tmp_path_factory: Any, seed: int) -> None:
    written_and_read(random_program(seed), tmp_path_factory.mktemp("netx"))
