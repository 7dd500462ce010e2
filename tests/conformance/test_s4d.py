"""s4d: the real update against scipy's zero-order hold, the integers against it and each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import cont2discrete
from scipy.sparse import csr_array

import neurodeploy
from neurodeploy.backends import cpu, lava, reference
from neurodeploy.errors import QuantizationError
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.neurons.s4d import ONE, zero_order_hold
from neurodeploy.ir.program import Neuron, Port, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]
CHANNELS, MODES = 3, 8
S4D = NEURON_MODELS["s4d"]


def modes(seed: int) -> tuple[Array, Array, Array, Array]:
    """A, B, C of S4D-Lin and a step for every channel, `(CHANNELS, MODES)`."""
    rng = np.random.default_rng(seed)
    poles = np.broadcast_to(-0.5 + 1j * np.pi * np.arange(MODES), (CHANNELS, MODES))
    readout = rng.normal(size=poles.shape) + 1j * rng.normal(size=poles.shape)
    return poles, np.ones_like(poles), readout, 10.0 ** rng.uniform(-3, -1, (CHANNELS, 1))


def layer(seed: int) -> Program:
    """u -> modes -> their sum per channel + D u -> spiking neurons."""
    params = zero_order_hold(*modes(seed))
    shape = (CHANNELS, MODES)
    spread = csr_array(np.kron(np.eye(CHANNELS), np.ones((MODES, 1))))
    ones = np.ones(CHANNELS)
    lif = {"du": ones, "dv": 0.2 * ones, "vth": ones, "bias": 0 * ones, "v_init": 0 * ones}
    skip = np.diag(np.random.default_rng(seed).normal(size=CHANNELS))
    return Program(
        "s4d",
        "real",
        1e-3,
        (Port("u", (CHANNELS,)),),
        (Neuron("ssm", shape, "s4d", params), Neuron("lif", (CHANNELS,), "cuba_lif", lif)),
        (
            Synapse("in", "u", "ssm", "sparse", spread),
            Synapse("sum", "ssm", "lif", "sparse", csr_array(spread.T)),
            Synapse("skip", "u", "lif", "dense", skip),
        ),
        ("lif",),
    )


def test_the_real_update_is_scipys_zero_order_hold() -> None:
    poles, inputs, readout, step = modes(0)
    rng = np.random.default_rng(1)
    u = rng.normal(size=(50, 1, CHANNELS))
    trace = reference.run(replace(layer(0), outputs=("ssm",)), u)
    for channel, mode in np.ndindex(poles.shape):
        pole, c = poles[channel, mode], readout[channel, mode]
        turning = np.array([[pole.real, -pole.imag], [pole.imag, pole.real]])
        drive = np.array([[inputs[channel, mode].real], [inputs[channel, mode].imag]])
        read = 2 * np.array([[c.real, -c.imag]])
        a, b, *_ = cont2discrete((turning, drive, read, 0), float(step[channel, 0]), "zoh")
        z, expected = np.zeros((2, 1)), []
        for value in u[:, 0, channel]:
            z = a @ z + b * value
            expected.append((read @ z).item())
        np.testing.assert_allclose(trace.output[:, 0, channel, mode], expected, atol=1e-12)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(1e-4, 0.3), st.integers(1, 1 << 12))
def test_the_error_of_the_integers_stays_within_its_bound(
    seed: int, decay: float, largest: int
) -> None:
    rng = np.random.default_rng(seed)
    n, steps = 6, 300
    a = (1 - decay) * np.exp(1j * rng.uniform(-np.pi, np.pi, n))
    c = rng.uniform(-1, 1, n) + 1j * rng.uniform(-1, 1, n)
    real = {"a_re": a.real, "a_im": a.imag, "c_re": c.real, "c_im": c.imag}
    fixed = {key: np.rint(value * ONE).astype(np.int64) for key, value in real.items()}
    x = rng.integers(-largest, largest + 1, (steps, n))
    exact = {key: np.zeros(n) for key in S4D.state}
    whole: tuple[Array, ...] = tuple(np.zeros(n, dtype=np.int64) for _ in S4D.state)
    peak, gaps_z, gaps_y = np.zeros(n), np.zeros(n), np.zeros(n)
    for value in x:
        exact = dict(S4D.real(real, exact, value * 64.0).state)
        each = S4D.fixed_constants(fixed).each
        whole, y, _, saturations = S4D.fixed_step(whole, value, (), each)
        assert not saturations.any()
        peak = np.maximum(peak, np.hypot(exact["re"], exact["im"]))
        gap = np.hypot(whole[0] - exact["re"], whole[1] - exact["im"])
        gaps_z, gaps_y = np.maximum(gaps_z, gap), np.maximum(gaps_y, abs(y - exact["y"] / 64))
    q = 2.0**-22.5
    bound = (q * peak + np.sqrt(0.5)) / (1 - np.abs(a) - q)
    assert np.all(gaps_z <= bound)
    assert np.all(gaps_y <= ((np.abs(c) + q) * bound + q * peak) / 64 + 0.5)


@pytest.mark.parametrize("spikes", [True, False])
def test_a_layer_is_compiled_and_has_the_same_integers_everywhere(
    spikes: bool, session: lava.Session
) -> None:
    rng = np.random.default_rng(7)
    shape = (60, 2, CHANNELS)
    u = (rng.random(shape) < 0.4).astype(float) if spikes else rng.normal(size=shape)
    compiled = neurodeploy.compile(layer(3), "loihi2", calibration=u)
    expected = reference.run(compiled.program, u, probe="all")
    traces = [lava.run(compiled.program, u, probe="all", session=session)]
    traces.append(cpu.run(compiled.program, u, probe="all"))
    for trace in traces:
        for key, values in expected.states.items():
            np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
    real = reference.run(compiled.real, u, probe="all")
    gap = np.abs(expected.real("ssm/y") - real.aligned("ssm/y")).max()
    # the weights into the modes and graded inputs have 8 bits
    assert gap < 0.01 * np.abs(real.aligned("ssm/y")).max()
    assert real.output.mean() > 0.02
    assert (expected.aligned("lif") != real.output).mean() < 0.03


def test_a_mode_that_does_not_decay_and_feedback_of_values_are_refused() -> None:
    program = layer(0)
    ssm = program.neurons[0]
    steady = {**ssm.params, "a_re": np.ones(ssm.shape), "a_im": np.zeros(ssm.shape)}
    u = np.ones((5, 1, CHANNELS))
    growing = replace(program, neurons=(replace(ssm, params=steady), program.neurons[1]))
    with pytest.raises(QuantizationError, match=r"neuron ssm \[s4d-decay\]"):
        neurodeploy.compile(growing, "loihi2", calibration=u)
    loop = Synapse("loop", "ssm", "ssm", "sparse", csr_array(np.eye(ssm.size) * 0.1), delay=1)
    looped = replace(program, synapses=(*program.synapses, loop))
    with pytest.raises(QuantizationError, match=r"synapse loop \[graded-feedback\]"):
        neurodeploy.compile(looped, "loihi2", calibration=u)
