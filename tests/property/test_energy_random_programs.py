"""Comparisons of random Programs: every synapse and neuron model prices, adds up, comes back."""

from __future__ import annotations

import math

import pytest

from neurodeploy.bench.comparison import Question, run_comparison
from neurodeploy.bench.records import from_json, to_json
from neurodeploy.bench.results import Provenance, Results
from neurodeploy.hardware import load_hardware
from tests.property.random_programs import random_inputs, random_program

CHIPS = [load_hardware(name) for name in ("truenorth", "seneca_instructions", "cmos45nm")]


@pytest.mark.parametrize("seed", range(24))
def test_a_random_program_is_priced_on_both_sides(seed):
    program = random_program(seed)
    x = random_inputs(seed, program, steps=5, batch=2)
    shown = run_comparison(
        program, x, CHIPS, provenance=Provenance("", "", {}, {}), question=Question(points=2)
    )
    assert from_json(Results, to_json(shown), "results") == shown
    assert shown.ann is not None
    per_step = shown.network.connections
    assert shown.ann.counts.dense_macs == per_step * 5 * 2
    for e in shown.energy:
        parts = [t.energy_j for t in e.terms if t.energy_j is not None]
        assert e.energy_j is None or math.isclose(sum(parts), e.energy_j, rel_tol=1e-9)
        assert e.energy_j is None or 0 <= e.low_j <= e.energy_j <= e.high_j
    for r in shown.ratios:
        assert r.low <= r.ratio * (1 + 1e-9) and r.ratio <= r.high * (1 + 1e-9)
