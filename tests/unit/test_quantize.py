"""The choice of scales and weight bits on calibration data, and what is reported of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from neurodeploy import pipeline
from neurodeploy.bench.compare import compare
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.results import read_results, write_results
from neurodeploy.errors import ConfigError
from neurodeploy.ir.files import read_input, read_program, write_program
from neurodeploy.ir.program import Port, Program, Synapse
from neurodeploy.passes.quantize import Options, quantize, reports_of
from neurodeploy.passes.quantize.weights import Mantissas, fixed_synapse, weight_error
from neurodeploy.passes.split_signs import split_signs
from neurodeploy.report.markdown import render_markdown
from neurodeploy.report.sections import build_document
from neurodeploy.report.text import percent
from neurodeploy.resources import resource

LOIHI2 = pipeline.chip_of("loihi2")


@pytest.fixture(scope="module")
def detector():
    """The voice activity detector and a piece of its calibration data."""
    real = pipeline.load(resource("exports", "vad.nir"), None)
    return real, read_input(resource("exports", "vad_calibration.npz"))[:200, :4]


@pytest.mark.parametrize("objective", ["spikes", "membrane"])
@pytest.mark.parametrize("bits", [8, 4])
def test_no_layer_alone_is_worse_than_at_the_first_scale(detector, bits, objective):
    real, x = detector
    options = Options(weight_bits=bits, objective=objective)
    first, _ = quantize(real, LOIHI2, pipeline.calibrate(real, x), options)
    best = pipeline.to_integers(real, LOIHI2, x, options)
    assert any(a.scale != b.scale for a, b in zip(first.neurons, best.program.neurons, strict=True))
    for layer in best.layers:
        before, now = (
            alone(real, fixed, x, layer.name, objective) for fixed in (first, best.program)
        )
        assert now <= before + 1e-12
        assert layer.headroom >= options.margin * (1 - 1e-6)
        assert layer.saturations == 0


def alone(real, fixed, x, name, objective):
    """The objective of one population of `fixed` in a real network: all others are left real."""
    trace = pipeline.run(real, x, probe="all")
    (synapse,) = fixed.incoming(name)
    scale = fixed.neuron(name).scale / 64
    if synapse.source in {p.name for p in fixed.inputs}:
        port = fixed.port(synapse.source)
        messages = np.clip(np.rint(x * port.scale), *port.limits)
    else:
        messages = trace.states[f"{synapse.source}/s"]
    sub = pipeline.run(one_population(fixed, name, synapse), messages.astype(int), probe="all")
    if objective == "spikes" and name != "readout":
        difference = sub.states[f"{name}/s"] - trace.states[f"{name}/s"]
        return np.mean(difference != 0) + np.mean(np.abs(difference.mean(axis=(0, 1))))
    v, w = trace.states[f"{name}/v"], sub.states[f"{name}/v"] / (scale * 64)
    return np.sqrt(np.mean((v - w) ** 2) / np.mean(v**2))


def one_population(fixed, name, synapse):
    ports = tuple(p for p in fixed.inputs if p.name == synapse.source)
    ports = ports or (Port(synapse.source, fixed.shapes[synapse.source]),)
    neurons = (fixed.neuron(name),)
    return replace(fixed, inputs=ports, neurons=neurons, synapses=(synapse,), outputs=(name,))


def test_measured_is_what_a_run_shows(detector):
    real, x = detector
    compiled = pipeline.compile(real, calibration=x)
    left, right = (pipeline.run(p, x, probe="all") for p in (real, compiled.program))
    for layer in compiled.layers[:2]:
        differ = left.aligned(f"{layer.name}/s") != right.aligned(f"{layer.name}/s")
        assert layer.measured == pytest.approx(np.mean(differ))


def test_the_file_and_the_results_tell_what_rounding_did(detector, tmp_path):
    real, x = detector
    compiled = pipeline.compile(real, calibration=x)
    write_program(tmp_path / "net.ndp", compiled.program)
    program = read_program(tmp_path / "net.ndp")
    assert reports_of(program) == compiled.layers
    assert reports_of(real) == ()
    trace = pipeline.run(program, x, backend="cpu")
    results = compare(program, trace.counts, [LOIHI2], provenance=provenance("test"))
    write_results(results, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json").rounding == compiled.layers
    page = render_markdown(build_document(results))
    assert "What rounding did to each layer" in page
    for layer in compiled.layers:
        assert percent(layer.measured) in page


@pytest.mark.parametrize("rounding", ["nearest", "calibrated"])
def test_auto_takes_the_fewest_bits_with_which_the_network_keeps_the_tolerance(detector, rounding):
    real, x = detector
    tolerance = 0.25
    options = Options(weight_bits="auto", tolerance=tolerance, rounding=rounding)
    compiled = pipeline.to_integers(real, LOIHI2, x, options)
    assert missed(real, compiled.program, x) <= tolerance
    assert compiled.program.notes == real.notes
    chosen = {s.target: s.num_weight_bits for s in compiled.program.synapses}
    assert sum(chosen.values()) < 8 * len(chosen)
    for name, bits in chosen.items():
        if bits > 2:
            fewer = replace(options, weight_bits={**chosen, name: bits - 1})
            found = pipeline.to_integers(real, LOIHI2, x, fewer).program
            assert missed(real, found, x) > tolerance


def missed(real, fixed, x):
    """Root mean square of the read-out's error over that of the read-out."""
    left, right = (pipeline.run(p, x) for p in (real, fixed))
    wanted, got = (run.real(run.program.outputs[0]) for run in (left, right))
    return np.sqrt(np.mean((got - wanted) ** 2) / np.mean(wanted**2))


def test_a_tolerance_out_of_reach_is_said(detector):
    real, x = detector
    options = Options(weight_bits="auto", tolerance=0.0)
    compiled = pipeline.to_integers(real, LOIHI2, x, options)
    assert {b for y in compiled.layers for b in y.weight_bits.values()} == {8}
    (note,) = compiled.program.notes
    assert note.startswith("readout: ") and note.endswith("above the tolerance of 0.00%")


def test_bits_by_name(detector):
    real, x = detector
    options = Options(weight_bits={"lif1": 4, "lif1->lif2": 6})
    program = pipeline.compile(real, calibration=x, options=options).program
    assert [s.num_weight_bits for s in program.synapses] == [4, 6, 8]
    with pytest.raises(ConfigError, match=r"weight_bits fc1 \[name\]: is no population"):
        pipeline.compile(real, calibration=x, options=Options(weight_bits={"fc1": 4}))


@given(
    arrays(np.float64, st.integers(1, 20), elements=st.floats(-4, 4, width=32)),
    st.integers(2, 8),
    st.floats(0.01, 300),
)
def test_weights_round_to_the_nearest_that_the_memory_holds(weights, bits, scale):
    """Every integer that verify_program allows is tried: none is nearer."""
    synapse = Synapse("s", "in", "n", "dense", weights[None])
    fixed = fixed_synapse(synapse, scale, bits, (-8, 7))
    error = weight_error(synapse, fixed, scale)
    held = Mantissas.of(weights, bits)
    allowed = np.arange(held.low, held.high + 1, held.step)
    wanted = weights * scale / 2.0**fixed.weight_exp
    nearest = np.abs(wanted[:, None] - allowed).min(axis=1)
    np.testing.assert_allclose(np.abs(fixed.weight_values - wanted), nearest, atol=1e-9)
    beyond = (wanted > held.high + held.step / 2) | (wanted < held.low - held.step / 2)
    assert error.cut == beyond.sum()


def test_one_sign_leaves_a_bit_for_the_value():
    for sign in (1, -1):
        weights = sign * np.linspace(0.01, 1, 100)
        fixed = fixed_synapse(Synapse("s", "i", "n", "dense", weights[None]), 255.0, 8, (0, 0))
        assert len(np.unique(fixed.weight_values)) == 100
        assert fixed.weight_values[-1] == sign * 255


def test_a_lone_large_weight_is_cut_off_where_that_is_better():
    weights = np.append(np.linspace(-1, 1, 400), 2.5)[None]
    synapse = Synapse("s", "i", "n", "dense", weights)
    fixed = fixed_synapse(synapse, 100.0, 3, (-8, 7))
    assert weight_error(synapse, fixed, 100.0).cut == 1
    kept = fixed_synapse(Synapse("s", "i", "n", "dense", weights[:, :-1]), 100.0, 3, (-8, 7))
    assert fixed.weight_exp == kept.weight_exp


def test_split_signs_is_the_same_network_with_finer_weights(detector):
    real, x = detector
    mixed, split = (
        pipeline.to_integers(real, LOIHI2, x, Options(weight_bits=4, signs=signs))
        for signs in ("mixed", "split")
    )
    left, right = (pipeline.run(c.real, x, probe="all") for c in (mixed, split))
    for key, values in left.states.items():
        np.testing.assert_allclose(right.states[key], values, atol=1e-9, err_msg=key)
    for before, after in zip(mixed.layers, split.layers, strict=True):
        assert max(after.weight_error.values()) < max(before.weight_error.values())
    stored = [sum(s.weight_values.size for s in c.program.synapses) for c in (mixed, split)]
    assert stored[1] <= stored[0]
    with pytest.raises(ConfigError, match=r"signs \[netx\]"):
        pipeline.compile(real, calibration=x, options=Options(signs="split", form="netx"))


@pytest.mark.parametrize("kind", ["conv1d", "conv2d", "sparse"])
def test_split_signs_of_every_kind(kind):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 2, 3) if kind == "conv1d" else (3, 2, 3, 3))
    whole = Synapse("s", "in", "n", kind, weights)
    if kind == "sparse":
        whole = Synapse("s", "in", "n", kind, csr_array(rng.normal(size=(4, 5)).round(0)))
    program = Program("p", "real", 1e-3, (), (), (whole,), ())
    positive, negative = split_signs(program).synapses
    assert (positive.name, negative.name) == ("s+", "s-")
    assert (positive.weight_values >= 0).all() and (negative.weight_values <= 0).all()
    assert np.abs((positive.weights + negative.weights) - whole.weights).max() == 0
