"""Loihi's integers against plain Python integers, and the passes that produce them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.backends import reference
from neurodeploy.errors import QuantizationError, ResourceError
from neurodeploy.hardware import load_hardware
from neurodeploy.ir.arithmetic import STATE_LIMIT, clipped, decayed, subthreshold, wrapped
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.ir.verify import verify_program
from neurodeploy.passes.quantize import Calibration, Options, quantize
from neurodeploy.passes.retime import _before, retime
from neurodeploy.pipeline import calibrate, compile, fit

state24 = st.integers(-STATE_LIMIT + 1, STATE_LIMIT - 1)
LOIHI2 = load_hardware("loihi2")


def python_decay(x: int, decay: int) -> int:
    magnitude = (abs(x) * (4096 - decay)) >> 12
    return magnitude if x >= 0 else -magnitude


@given(state24, st.integers(0, 4096))
def test_decay_rounds_toward_zero(x, decay):
    assert decayed(np.array([x]), decay)[0] == python_decay(x, decay)


@given(state24, st.integers(0, 4095))
def test_before_is_undone_by_the_decay(value, dv):
    start = int(_before(np.array([value]), 4096 - dv)[0])
    assert python_decay(start, dv) == value


@given(st.integers(-(3 * STATE_LIMIT) + 1, 3 * STATE_LIMIT - 1))
def test_registers_wrap_and_clip(x):
    low, count = wrapped(np.array([x]))
    assert -STATE_LIMIT < low[0] <= STATE_LIMIT
    assert (low[0] - x) % (2 * STATE_LIMIT) == 0
    assert count == int(not -STATE_LIMIT < x <= STATE_LIMIT)
    assert clipped(np.array([x]))[0][0] == max(min(x, STATE_LIMIT - 1), 1 - STATE_LIMIT)


@given(
    state24, state24, st.integers(-200000, 200000), st.integers(0, 4095), st.integers(0, 4095),
    st.integers(-(2**19), 2**19),
)  # fmt: skip
def test_subthreshold_is_the_stated_rule(u, v, a, du, dv, bias):
    state = (np.array([u]), np.array([v]), np.array([a]))
    got_u, got_v, _, saturations = subthreshold(*state, du, dv, np.array([bias]))
    raw = python_decay(u, du + 1) + (a << 6)
    new_u = raw - 2 * STATE_LIMIT if raw > STATE_LIMIT else raw
    new_u = new_u + 2 * STATE_LIMIT if raw <= -STATE_LIMIT else new_u
    raw_v = python_decay(v, dv) + new_u + bias
    new_v = max(min(raw_v, STATE_LIMIT - 1), 1 - STATE_LIMIT)
    assert (got_u[0], got_v[0]) == (new_u, new_v)
    assert saturations == int(raw != new_u) + int(raw_v != new_v)


@st.composite
def real_programs(draw):
    """Feed-forward, recurrent and joined populations of all models with biases."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = [draw(st.integers(1, 6)) for _ in range(draw(st.integers(2, 4)))]
    neurons, synapses = [], []
    last = len(sizes) - 1
    for i, n in enumerate(sizes):
        models = ["integrator"] if i == last else ["cuba_lif", "soft_lif"]
        model = draw(st.sampled_from(models))
        params = {
            "du": np.full(n, draw(st.sampled_from([1.0, 0.5, 0.1]))),
            "dv": np.full(n, draw(st.sampled_from([0.0, 0.1, 0.3, 1.0]))),
            "bias": rng.normal(0, 0.1, n) * draw(st.booleans()),
            "v_init": np.full(n, draw(st.sampled_from([0.0, 0.0, 0.5, -0.5]))),
        }
        if model != "integrator":
            params["vth"] = np.ones(n)
        if model == "soft_lif":
            params["subtract"] = np.full(n, draw(st.sampled_from([1.0, 0.0])))
        if draw(st.booleans()):
            params["dv"] = rng.uniform(0, 1, n)
            params |= {"vth": rng.uniform(0.5, 1.5, n)} if "vth" in params else {}
        neurons.append(Neuron(f"n{i}", (n,), model, params))
        sources = ["in"] if i == 0 else [f"n{i - 1}"]
        if i > 1 and draw(st.booleans()):
            sources.append(f"n{i - 2}")  # a branch that skips a layer
        if i != last and draw(st.booleans()):
            sources.append(f"n{i}")
        for source in sources:
            wide = 3 if source == "in" else sizes[int(source[1:])]
            weights = rng.normal(0, 0.7, size=(n, wide))
            delay = int(source == f"n{i}")
            name = f"{source}->n{i}"
            synapses.append(Synapse(name, source, f"n{i}", "dense", weights, delay=delay))
    ports = (Port("in", (3,)),)
    return Program("p", "real", 1e-3, ports, tuple(neurons), tuple(synapses), (f"n{last}",))


@settings(max_examples=60)
@given(real_programs(), st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(["chip", "netx"]))
def test_quantized_and_retimed(program, seed, spikes, form):
    """Every integer within its width, no overflow on the calibration data, and hardware time moves
    no integer: each population's history is that of the Program without latency, later."""
    rng = np.random.default_rng(seed)
    shape = (15, 2, 3)
    x = rng.integers(0, 2, shape).astype(float) if spikes else rng.normal(size=shape)
    options = Options(input_bits=6, form=form)
    fixed, layers = quantize(program, LOIHI2, calibrate(program, x), options)
    verify_program(fixed)
    late = retime(fixed, LOIHI2)
    verify_program(late)
    assert all(s.delay >= 1 for s in late.synapses)
    assert all(layer.headroom >= 1 for layer in layers)
    logical = reference.run(fixed, x, probe="all")
    hardware = reference.run(late, x, probe="all")
    assert logical.counts.saturations == 0
    if late.notes:  # a bias whose start cannot be compensated is said, not hidden
        return
    fed = {f"{n.name}/u" for n in program.neurons if f"{n.name}.bias" in late.shapes}
    for key in logical.states.keys() - fed:  # a bias that arrives with the input is in u, too
        np.testing.assert_array_equal(hardware.aligned(key), logical.aligned(key), err_msg=key)


@pytest.mark.parametrize(("layers", "fits"), [(64, True), (65, False)])
def test_a_branch_that_waits_longer_than_the_chip_can_is_refused(layers, fits):
    """The input arrives at the last of `layers` populations at once, and through all others."""
    one, zero = np.ones(1), np.zeros(1)
    params = {"du": one, "dv": one, "vth": one / 2, "bias": zero, "v_init": zero}
    names = [f"n{i}" for i in range(layers)]
    neurons = tuple(Neuron(name, (1,), "cuba_lif", params) for name in names)
    pairs = [*itertools.pairwise(["in", *names]), ("in", names[-1])]
    weights = np.ones((1, 1))
    synapses = tuple(Synapse(f"{a}->{b}", a, b, "dense", weights) for a, b in pairs)
    program = Program("p", "real", 1e-3, (Port("in", (1,)),), neurons, synapses, (names[-1],))
    x = (np.arange(40) % 3 == 0).astype(float).reshape(40, 1, 1)
    assert fit(program, LOIHI2).fits == fits
    if not fits:
        with pytest.raises(ResourceError, match=r"in->n64 \[delay\].*64 of them wait.*64 fewer"):
            compile(program, LOIHI2, calibration=x)
        return
    compiled = compile(program, LOIHI2, calibration=x)
    np.testing.assert_array_equal(reference.run(compiled.program, x).output, x)


@pytest.mark.parametrize("bias", [-3.0, -0.4, 0.7, 2.5])
@pytest.mark.parametrize("model", ["cuba_lif", "soft_lif"])
def test_a_bias_acts_from_the_first_input_on(model, bias):
    """Three populations deep, beyond the threshold or not: the membrane is the real one's."""
    one, zero = np.ones(2), np.zeros(2)
    params = {"du": one, "dv": one / 4, "vth": one, "bias": zero, "v_init": zero}
    params |= {"subtract": one} if model == "soft_lif" else {}
    last = {**params, "bias": bias * np.array([1.0, 0.9])}
    neurons = tuple(Neuron(f"n{i}", (2,), model, last if i == 2 else params) for i in range(3))
    pairs = itertools.pairwise(["in", "n0", "n1", "n2"])
    weights = 2 * np.eye(2)
    synapses = tuple(Synapse(f"{a}->{b}", a, b, "dense", weights) for a, b in pairs)
    program = Program("p", "real", 1e-3, (Port("in", (2,)),), neurons, synapses, ("n2",))
    x = (np.random.default_rng(0).random((30, 2, 2)) < 0.5).astype(float)
    compiled = compile(program, LOIHI2, calibration=x)
    assert not compiled.program.notes
    fixed = reference.run(compiled.program, x, probe=("n2/v",))
    real = reference.run(program, x, probe=("n2/v",))
    np.testing.assert_allclose(fixed.real("n2/v"), real.real("n2/v"), atol=0.02)
    np.testing.assert_array_equal(fixed.output, real.output)


def test_quantize_reports_and_scales():
    weights = np.array([[0.5, -0.25, 0.125]])
    params = {"du": 1.0, "dv": 0.1, "vth": 1.0, "bias": 0.0, "v_init": 0.0}
    neuron = Neuron("n", (1,), "cuba_lif", {k: np.full(1, v) for k, v in params.items()})
    synapse = Synapse("s", "in", "n", "dense", weights)
    ports = (Port("in", (3,)),)
    program = Program("p", "real", 1e-3, ports, (neuron,), (synapse,), ("n",))
    ranges = Calibration({"in": (0.0, 1.0, True)}, {"n": 1.5})
    fixed, (layer,) = quantize(program, LOIHI2, ranges, Options())
    stored = fixed.synapses[0]
    assert stored.weights.tolist() == [[254, -128, 64]]  # 127 and 63.5 round to even integers
    assert fixed.neurons[0].params["dv"] == round(0.1 * 4096)
    assert fixed.neurons[0].params["du"] == 4095
    vth = fixed.neurons[0].params["vth"]
    assert vth * 64 / layer.scale == 1.0 or abs(vth * 64 / layer.scale - 1) < 1 / vth
    assert layer.weight_error["s"] < 0.01


def test_a_threshold_that_rounds_away_is_refused():
    params = {"du": 1.0, "dv": 0.1, "vth": 1e-6, "bias": 0.0, "v_init": 0.0}
    neuron = Neuron("n", (1,), "cuba_lif", {k: np.full(1, v) for k, v in params.items()})
    synapse = Synapse("s", "in", "n", "dense", np.array([[100.0]]))
    program = Program("p", "real", 1e-3, (Port("in", (1,)),), (neuron,), (synapse,), ("n",))
    ranges = Calibration({"in": (0.0, 1.0, True)}, {"n": 1000.0})
    with pytest.raises(QuantizationError, match=r"neuron n \[rounds-to-zero\]: vth = 1e-06"):
        quantize(program, LOIHI2, ranges, Options())
