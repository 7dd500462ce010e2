"""Networks trained with slayer: what it computes, what lava-dl computes on Lava, and what we do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodeploy.backends import lava, reference
from neurodeploy.frontends.netx import read_netx
from neurodeploy.ir.arithmetic import effective_bias
from neurodeploy.ir.program import Neuron, Program
from tests.netx_on_lava import assert_lava_computes_the_same

pytest.importorskip("torch", reason="slayer is torch")
SCRIPT = Path(__file__).with_name("slayer_networks.py")
DT = 1e-3
LOADED = ("dense", "delays", "bias", "conv", "recurrent", "sdnn", "sdnn_delays", "sdnn_bias")
OURS = ("conv_delays", "pool", "average")  # lava-dl's loader refuses or, of delays, ignores them
NETWORKS = (*LOADED, *OURS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    made: Path = tmp_path_factory.mktemp("slayer")
    subprocess.run([sys.executable, str(SCRIPT), str(made), *NETWORKS], check=True, timeout=300)
    return made


def population(program: Program, index: str) -> Neuron:
    """The population of the file's layer number `index`."""
    return next(n for n in program.neurons if n.name.rstrip("0123456789") + index == n.name)


def _bias(neuron: Neuron) -> Any:
    return effective_bias(neuron.params["bias"], int(neuron.params["bias_exp"]))


@pytest.mark.parametrize("name", NETWORKS)
def test_we_compute_what_slayer_computes(folder: Path, name: str) -> None:
    program = read_netx(folder / f"{name}.net", dt=DT)
    theirs = np.load(folder / f"{name}.npz")
    trace = reference.run(program, theirs["input"], probe="all")
    compared = 0
    for key in (k for k in theirs.files if "/" in k):
        index, _, quantity = key.partition("/")
        neuron = population(program, index)
        if quantity != "out" and any(s.delay > 1 for s in program.incoming(neuron.name)):
            continue  # slayer delays what a neuron sends, lava-dl what reaches it
        state = {"integrator": "v", "sigma": "sigma"}.get(neuron.model, "s")
        ours = trace.states[f"{neuron.name}/{state if quantity == 'out' else quantity}"]
        ours = ours + _bias(neuron) if quantity == "u" else ours
        ours = ours[0 if theirs["silent"] else neuron.latency :][: len(theirs[key])]
        np.testing.assert_array_equal(ours, theirs[key].reshape(ours.shape), err_msg=key)
        assert np.count_nonzero(ours), key
        compared += 1
    assert compared >= len(program.neurons)


@pytest.mark.parametrize("name", LOADED)
def test_lava_dl_on_lava_computes_the_same(folder: Path, session: lava.Session, name: str) -> None:
    path = folder / f"{name}.net"
    program = read_netx(path, dt=DT)
    inputs = np.load(folder / f"{name}.npz")["input"]
    assert_lava_computes_the_same(path, program, inputs, session)


@pytest.mark.parametrize(
    ("name", "note"), [("pool", "pooling"), ("average", ""), ("conv_delays", "delay")]
)
def test_what_lava_dl_does_not_load_runs_on_lava_as_we_write_it(
    folder: Path, session: lava.Session, name: str, note: str
) -> None:
    """slayer's pooling and average in a netx file of ours; delayed convolutions as processes."""
    program = read_netx(folder / f"{name}.net", dt=DT)
    assert note in " ".join(program.notes)
    inputs = np.load(folder / f"{name}.npz")["input"]
    expected = reference.run(program, inputs, probe="all")
    route: Any = "processes" if name == "conv_delays" else "netx"
    found = lava.run(program, inputs, probe="all", route=route, session=session)
    for key, values in expected.states.items():
        np.testing.assert_array_equal(found.states[key], values, err_msg=key)
