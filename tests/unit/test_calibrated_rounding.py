"""Calibrated rounding: never worse than the nearest where it is measured, and within the limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from neurodeploy import pipeline
from neurodeploy.backends import cpu, reference
from neurodeploy.errors import ConfigError
from neurodeploy.ir.files import read_input
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.ir.verify import verify_program
from neurodeploy.passes.quantize import Options, quantize
from neurodeploy.passes.quantize.forms import LINEAR, membrane_errors
from neurodeploy.passes.quantize.membrane_error import DAMPING
from neurodeploy.passes.quantize.nearest_plane import Grid, error, on_grid
from neurodeploy.passes.quantize.traces import cuts, filtered, side_by_side
from neurodeploy.passes.quantize.weights import Mantissas, weight_rows
from neurodeploy.resources import resource

LOIHI2 = pipeline.chip_of("loihi2")
CALIBRATED = Options(rounding="calibrated")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 5), st.booleans())
def test_rows_stay_on_the_grid_and_are_never_worse_than_their_start(seed, columns, rows, shared):
    rng = np.random.default_rng(seed)
    traces = rng.normal(size=(1 if shared else rows, columns + 2, columns)) + rng.uniform(0, 5)
    gram = traces.transpose(0, 2, 1) @ traces + 1e-3 * np.eye(columns)
    optimum = rng.normal(0, 3, (rows, columns))
    step = rng.choice([0.5, 1.0, 2.0], columns)
    low, high = -4 * step * np.ones((rows, 1)), 3 * step * np.ones((rows, 1))
    grid = Grid(step, low, high)
    start = np.stack([grid.nearest(optimum[:, k], k) for k in range(columns)], axis=1)
    found = on_grid(gram, optimum, grid, start)
    assert (error(gram, optimum, found) <= error(gram, optimum, start) * (1 + 1e-12)).all()
    assert ((found >= low) & (found <= high)).all()
    np.testing.assert_array_equal(found / step, np.rint(found / step))
    np.testing.assert_array_equal(on_grid(gram, optimum, grid, start), found)
    for row, (m, q) in enumerate(zip(optimum, found, strict=True)):
        for column in range(columns):
            for change in (-step[column], step[column]):
                other = q.copy()
                other[column] += change
                if low[row, column] <= other[column] <= high[row, column]:
                    here = error(gram[:1] if shared else gram[[row]], m[None], other[None])
                    assert here >= error(gram, optimum, found)[row] * (1 - 1e-9) - 1e-9


def test_errors_of_sources_that_fire_together_cancel():
    """Two equal sources and weights of half a step: the nearest loses both, or gains both."""
    gram, optimum = np.ones((1, 2, 2)) + 1e-6 * np.eye(2), np.array([[0.45, 0.45]])
    bound = np.full((1, 2), 4.0)
    found = on_grid(gram, optimum, Grid(np.ones(2), -bound, bound), np.zeros((1, 2)))
    assert sorted(found[0]) == [0, 1]


def population(model, seed=0, decays=0.05):
    """Seven neurons of a model, fed by twelve inputs and by themselves."""
    rng = np.random.default_rng(seed)
    drawn = {"du": rng.uniform(0.3, 0.6, 7), "dv": rng.uniform(decays, 2 * decays, 7)}
    params = {**drawn, "bias": rng.normal(0, 0.02, 7), "v_init": 0.0, "vth": np.full(7, 1.0)}
    params["subtract"] = params["vth"]
    params = {k: v for k, v in params.items() if k in NEURON_MODELS[model].parameters}
    given = Synapse("x->n", "x", "n", "dense", rng.normal(0.05, 0.2, (7, 12)))
    back = Synapse("n->n", "n", "n", "dense", rng.normal(-0.05, 0.1, (7, 7)), delay=2)
    graded = NEURON_MODELS[model].graded
    synapses = (given,) if graded else (given, back)
    neuron = Neuron("n", (7,), model, params)
    x = (rng.random((60, 3, 12)) < 0.3).astype(float)
    return Program("p", "real", 1e-3, (Port("x", (12,)),), (neuron,), synapses, ("n",)), x


@pytest.mark.parametrize("model", ["cuba_lif", "refractory_lif"])
def test_traces_are_the_membrane_before_its_reset(model):
    """Where they sum up to more than the threshold, the reference simulator sent a spike."""
    program, x = population(model)
    calibration = pipeline.calibrate(program, x)
    params, spikes = program.neuron("n").params, calibration.sent["n"]
    assert 0.02 < spikes.mean() < 0.5
    kept = (1 - params["du"], 1 - params["dv"])
    cut = cuts(model, spikes)
    arriving = side_by_side(program.synapses, calibration, 3)
    weights = np.concatenate([s.weights for s in program.synapses], axis=1)
    v = np.einsum("ntk,nk->tn", filtered(arriving, kept, cut, 1), weights)
    constant = filtered(np.ones((60, 3, 1)), (np.zeros(7), kept[1]), cut, 1)[..., 0]
    v += (constant * params["bias"][:, None]).T
    above = v.reshape(60, 3, 7) > params["vth"]
    if model == "refractory_lif":
        above[1:] &= spikes[:-1] == 0
    np.testing.assert_array_equal(above, spikes)


def test_the_form_is_the_error_of_the_membrane():
    """Of a population without resets: what the reference simulator finds with other weights."""
    program, x = population("integrator")
    calibration = pipeline.calibrate(program, x)
    neuron, (synapse,) = program.neuron("n"), program.synapses
    found = membrane_errors(program, "n", calibration)
    (gram,) = (each.gram for each in found)
    damping = gram.trace(axis1=1, axis2=2)[:, None] / 12
    damping = damping * DAMPING / (1 + DAMPING)
    du, dv = (np.rint(4096 * neuron.params[key]) / 4096 for key in ("du", "dv"))
    rounded = replace(neuron, params={**neuron.params, "du": du, "dv": dv})
    real = reference.run(program, x).output
    costs = []
    for seed in range(3):
        weights = synapse.weights + np.random.default_rng(seed).normal(0, 0.02, (7, 12))
        other = replace(program, neurons=(rounded,), synapses=(replace(synapse, weights=weights),))
        missed = ((reference.run(other, x).output - real) ** 2).mean(axis=(0, 1))
        missed += (damping * (weights - synapse.weights) ** 2).sum(axis=1)
        costs.append((missed, error(gram, found[0].optimum, weights)))
    (first, form_first), *others = costs
    for missed, by_form in others:
        np.testing.assert_allclose(missed - first, by_form - form_first, rtol=1e-7, atol=1e-12)


def test_what_the_floor_of_negative_exponents_loses_is_made_up_for():
    """On average over a run of the integers, of synapses whose sums are shifted down by bits."""
    program, x = population("integrator")
    real = reference.run(program, x).output
    misses = []
    for rounding in ("nearest", "calibrated"):
        options = Options(margin=3000.0, rounding=rounding)
        fixed, _ = quantize(program, LOIHI2, pipeline.calibrate(program, x), options)
        assert fixed.synapses[0].weight_exp < -2
        misses.append(np.abs((cpu.run(fixed, x).real("n") - real).mean(axis=(0, 1))).mean())
    assert misses[1] < 0.2 * misses[0]


def objectives(real, x, options):
    """What the nearest and the calibrated integers of one scale cost, by population."""
    calibration = pipeline.calibrate(real, x)
    costs = []
    for rounding in ("nearest", "calibrated"):
        chosen = replace(options, rounding=rounding)
        fixed, reports = quantize(real, LOIHI2, calibration, chosen)  # the first scale
        verify_program(fixed)
        cost = {}
        for n in real.neurons:
            stored = {s.name: s for s in fixed.incoming(n.name)}
            unit = 64 / fixed.neuron(n.name).scale
            for number, part in enumerate(membrane_errors(real, n.name, calibration)):
                rows = [
                    weight_rows(stored[s])[part.rows]
                    * 2.0 ** stored[s].weight_exp
                    * unit
                    * graded(fixed, stored[s].source)
                    for s in part.synapses
                ]
                rows = np.concatenate(rows, axis=1)
                cost[n.name, number] = error(part.gram, part.optimum, rows)
                assert all(s.weight_exp >= 0 for s in stored.values()), "else it aims elsewhere"
        costs.append(cost)
        assert {layer.rounding for layer in reports} == {rounding}
    return costs


def graded(fixed, source):
    ports = {p.name: p for p in fixed.inputs}
    return ports[source].scale if source in ports and ports[source].num_message_bits else 1.0


MODELS = [m for m in LINEAR if m != "integrator"]


@pytest.mark.parametrize("bits", [8, 3])
@pytest.mark.parametrize("model", MODELS)
def test_no_row_is_worse_than_the_nearest(model, bits):
    program, x = population(model)
    nearest, found = objectives(program, x, Options(weight_bits=bits))
    for key, cost in found.items():
        assert (cost <= nearest[key] * (1 + 1e-9) + 1e-15).all()
    assert sum(c.sum() for c in found.values()) < 0.5 * sum(c.sum() for c in nearest.values())


def spatial(kind, groups):
    rng = np.random.default_rng(1)
    shape = (4, 6) if kind == "conv1d" else (4, 5, 5)
    axes = len(shape) - 1
    geometry = ConvGeometry((1,) * axes, (1,) * axes, (1,) * axes, groups)
    weights = rng.normal(0.1, 0.3, (4, 4 // groups, *(3,) * axes))
    params = {"du": 1.0, "dv": 0.2, "bias": 0.0, "v_init": 0.0, "vth": 1.0}
    neuron = Neuron("n", shape, "cuba_lif", params)
    synapse = Synapse("x->n", "x", "n", kind, weights, geometry=geometry)
    x = (rng.random((30, 2, *shape)) < 0.3).astype(float)
    return Program("p", "real", 1e-3, (Port("x", shape),), (neuron,), (synapse,), ("n",)), x


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", ["conv1d", "conv2d"])
def test_kernels_are_rounded_over_all_their_places(kind, groups):
    program, x = spatial(kind, groups)
    nearest, found = objectives(program, x, Options(weight_bits=4))
    assert len(found) == groups
    for key, cost in found.items():
        assert (cost <= nearest[key] * (1 + 1e-9)).all()
    assert sum(c.sum() for c in found.values()) < 0.6 * sum(c.sum() for c in nearest.values())
    free = replace(program.neurons[0], params={**program.neurons[0].params, "vth": 1e9})
    membranes = [membrane(program, free, program.synapses[0].weights, x)]
    for rounding in ("nearest", "calibrated"):
        options = Options(weight_bits=4, rounding=rounding)
        fixed, _ = quantize(program, LOIHI2, pipeline.calibrate(program, x), options)
        (synapse,), (neuron,) = fixed.synapses, fixed.neurons
        weights = synapse.weights * 2.0**synapse.weight_exp * 64 / neuron.scale
        membranes.append(membrane(program, free, weights, x))
    real, *others = membranes
    missed = [np.mean((other - real) ** 2) for other in others]
    assert missed[1] < 0.7 * missed[0]


def membrane(program, neuron, weights, x):
    synapses = (replace(program.synapses[0], weights=weights),)
    other = replace(program, neurons=(neuron,), synapses=synapses)
    return reference.run(other, x, probe=("n/v",)).states["n/v"]


def test_sparse_rows_keep_their_places_and_zeros():
    program, x = population("soft_lif")
    given, back = program.synapses
    pattern = np.random.default_rng(3).random((7, 12)) < 0.6
    sparse = csr_array(given.weights * pattern)
    sparse.data[4] = 0.0
    holes = back.weights * (np.random.default_rng(4).random((7, 7)) < 0.5)
    synapses = (
        replace(given, kind="sparse", weights=sparse),
        replace(back, weights=holes),
    )
    program = replace(program, synapses=synapses)
    nearest, found = objectives(program, x, Options(weight_bits=4))
    assert all((found[key] <= nearest[key] * (1 + 1e-9)).all() for key in found)
    after = pipeline.to_integers(program, LOIHI2, x, CALIBRATED).program.synapses
    np.testing.assert_array_equal(after[0].weights.indices, sparse.indices)
    assert after[0].weights.data[4] == 0
    assert not after[1].weights[holes == 0].any()


@pytest.mark.parametrize("name", ["vad", "digits", "braille"])
def test_trained_networks(name):
    """Integers within the limits, the same on both simulators, and nearer to the real network on
    recordings that the rounding did not see."""
    real = pipeline.load(resource("exports", f"{name}.nir"), None)
    x = read_input(resource("exports", f"{name}_calibration.npz"))[:150, :24]
    seen, others = x[:, ::2], x[:, 1::2]
    expected = pipeline.run(real, others, probe="all")
    differ = []
    for rounding in ("nearest", "calibrated"):
        options = Options(weight_bits=4, rounding=rounding)
        compiled = pipeline.to_integers(real, LOIHI2, seen, options)
        for synapse in compiled.program.synapses:
            before = next(s for s in real.synapses if s.name == synapse.name).weight_values
            held = Mantissas.of(before, 4)
            values = synapse.weight_values
            assert not (values % held.step).any()
            assert held.low <= values.min() and values.max() <= held.high
        assert all(layer.saturations == 0 for layer in compiled.layers)
        fixed = cpu.run(compiled.program, others, probe="all")
        hidden = [n.name for n in real.neurons if not real.is_graded(n.name)]
        differ.append(
            np.mean([np.mean(fixed.states[f"{h}/s"] != expected.states[f"{h}/s"]) for h in hidden])
        )
    assert differ[1] < differ[0]
    short = others[:20, :2]
    left, right = (b.run(compiled.program, short) for b in (reference, cpu))
    np.testing.assert_array_equal(left.output, right.output)


def test_what_is_not_linear_is_rounded_to_the_nearest_and_said():
    program, x = population("integrator")
    params = dict.fromkeys(("a_re", "a_im", "c_re", "c_im"), np.full(7, 0.5))
    program = replace(program, neurons=(Neuron("n", (7,), "s4d", params),))
    compiled = pipeline.to_integers(program, LOIHI2, x, CALIBRATED)
    assert [layer.rounding for layer in compiled.layers] == ["nearest"]
    assert "n: weights rounded to the nearest: the membrane of s4d" in compiled.program.notes[-1]


def test_refusals():
    program, x = population("cuba_lif")
    with pytest.raises(ConfigError, match=r"rounding \[choice\]"):
        pipeline.compile(program, calibration=x, options=Options(rounding="up"))
    kept = replace(pipeline.calibrate(program, x), sent={})
    with pytest.raises(ConfigError, match=r"rounding \[calibration\]"):
        quantize(program, LOIHI2, kept, CALIBRATED)
