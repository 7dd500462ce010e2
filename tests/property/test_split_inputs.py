"""Inputs summed in parts: the same integers, a step later, and no neuron beyond a core's axons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurodeploy import pipeline
from neurodeploy.backends import cpu, reference
from neurodeploy.errors import ResourceError
from neurodeploy.hardware import load_hardware
from neurodeploy.ir.program import Program
from neurodeploy.ir.synapses import fan_in
from neurodeploy.ir.verify import verify_program
from neurodeploy.passes.place import fit
from neurodeploy.passes.retime import retime
from neurodeploy.passes.split_inputs import split_inputs
from tests.placement_networks import dense_network
from tests.property.random_programs import random_inputs, random_program

LOIHI1, LOIHI2 = load_hardware("loihi1"), load_hardware("loihi2")


def with_axons(most: int):
    limits = {
        **LOIHI2.limits,
        "input_axons_per_core": replace(LOIHI2.limits["input_axons_per_core"], value=most),
    }
    return replace(LOIHI2, limits=limits)


def at_rest(program: Program) -> Program:
    """Without bias and initial voltage, so that no population has to be started for its latency."""
    rest = {"bias": 0, "v_init": 0}
    neurons = (
        replace(n, params={k: rest.get(k, v) for k, v in n.params.items()}) for n in program.neurons
    )
    return replace(program, neurons=tuple(neurons))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 20))
def test_the_integers_stay_the_same(seed, most):
    program = at_rest(random_program(seed, least_delay=0))
    try:
        split = split_inputs(program, with_axons(most))
        before, after = retime(program, LOIHI2), retime(split, LOIHI2)
    except ResourceError:
        assume(False)
        raise
    assume(split is not program)
    verify_program(after)
    inputs = random_inputs(seed, program, steps=10, batch=2)
    probe = tuple(n.name for n in program.neurons)
    whole = reference.run(before, inputs, probe=probe)
    parts = [backend.run(after, inputs, probe=probe) for backend in (reference, cpu)]
    for key in whole.states:
        for run in parts:
            np.testing.assert_array_equal(run.aligned(key), whole.aligned(key), err_msg=key)


def test_no_neuron_has_more_inputs_than_a_core_has_axons():
    program = dense_network(10_000, 20, 3)
    assert [d.rule for d in fit(program, LOIHI2).reasons] == ["input_axons_per_core"]
    split = split_inputs(program, LOIHI2)
    assert max(fan_in(split, s) for s in split.synapses) <= 4096
    assert fit(split, LOIHI2).fits
    assert any("summed in parts" in r for r in fit(program, LOIHI2).remedies)


def test_a_compiled_network_fits_and_computes_the_same():
    """5,000 inputs of 4,096; the sums are exact, so that nothing but the latency changes."""
    rng = np.random.default_rng(0)
    program = dense_network(5000, 6, 3)
    weights = [rng.normal(size=s.weights.shape) / 20 for s in program.synapses]
    synapses = [replace(s, weights=w) for s, w in zip(program.synapses, weights, strict=True)]
    program = replace(program, synapses=tuple(synapses))
    x = (rng.random((12, 2, 5000)) < 0.1).astype(float)
    whole, parts = (
        pipeline.compile(program, LOIHI2, calibration=x, inputs_in_parts=p).program
        for p in (False, True)
    )
    assert not fit(whole, LOIHI2).fits and fit(parts, LOIHI2).fits
    assert parts.depth == whole.depth + 1
    found = [pipeline.run(p, x, backend="cpu", probe=("l0/v", "l0/s")) for p in (whole, parts)]
    assert found[0].states["l0/s"].any()
    for key in ("l0/v", "l0/s"):
        np.testing.assert_array_equal(found[0].aligned(key), found[1].aligned(key))
    np.testing.assert_array_equal(found[0].output, found[1].output)


def test_nothing_is_split_where_nothing_has_to_be_or_spikes_are_bare():
    small, large = dense_network(100, 20), dense_network(10_000, 20)
    assert split_inputs(small, LOIHI2) is small
    assert split_inputs(large, LOIHI1) is large


def test_sums_that_cannot_be_kept_exact_are_refused():
    program = random_program(3, least_delay=0)
    ports = tuple(replace(p, num_message_bits=16, signed=False) for p in program.inputs)
    program = replace(program, inputs=ports)
    with pytest.raises(ResourceError, match="partial-sums"):
        split_inputs(program, with_axons(1))
