"""The compiled backend against the reference: every integer, count and peak of random Programs."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.backends import cpu, reference
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace
from neurodeploy.ir.verify import verify_program
from tests.fuzz import examples
from tests.property import test_lava_random_programs as lava_programs
from tests.property.random_programs import random_inputs, random_program

Array = np.ndarray[Any, np.dtype[Any]]
STEPS = 20
seeds = st.integers(0, 2**32 - 1)


def assert_same(expected: Trace, trace: Trace) -> None:
    for left, right in ((expected.states, trace.states), (expected.outputs, trace.outputs)):
        assert left.keys() == right.keys()
        for key, values in left.items():
            np.testing.assert_array_equal(right[key], values, err_msg=key)
    assert trace.counts == expected.counts
    assert trace.peaks == expected.peaks
    assert (trace.steps, trace.batch) == (expected.steps, expected.batch)


@settings(max_examples=examples(200))
@given(seeds, st.integers(0, 1), st.booleans(), st.integers(1, 3))
def test_random_programs(seed: int, least_delay: int, graded_sources: bool, batch: int) -> None:
    program = random_program(seed, least_delay=least_delay, graded_sources=graded_sources)
    verify_program(program)
    x = random_inputs(seed, program, STEPS, batch)
    assert_same(reference.run(program, x, probe="all"), cpu.run(program, x, probe="all"))


@settings(max_examples=examples(40))
@given(st.data())
def test_programs_that_lava_is_tested_with(data: st.DataObject) -> None:
    recurrent = data.draw(st.booleans())
    any_program = st.one_of(
        lava_programs.matrix_programs(recurrent),
        lava_programs.conv_programs(1),
        lava_programs.conv_programs(2),
    )
    program: Program = data.draw(any_program)
    x = data.draw(lava_programs.inputs_for(program))
    assert_same(reference.run(program, x, probe="all"), cpu.run(program, x, probe="all"))


@settings(max_examples=examples(40))
@given(seeds, st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(1, 3))
def test_a_run_in_pieces_is_the_run(seed: int, pieces: list[int], batch: int) -> None:
    """Stretches of steps, then single ones: states, delays and counts carry over."""
    program = random_program(seed)
    x = random_inputs(seed, program, sum(pieces) + 3, batch)
    length = sum(pieces) + 3
    whole = cpu.Session(program, batch, probe="all")
    expected = whole.advance(x)
    session = cpu.Session(program, batch, probe="all", threads=1 + seed % 2)
    parts = []
    start = 0
    for steps in pieces:
        parts.append(session.advance({k: v[start : start + steps] for k, v in x.items()}))
        start += steps
    for t in range(start, length):
        frames = {k: v[t] for k, v in x.items()}
        bare = len(frames) == 1 and t % 2
        single = session.step(next(iter(frames.values())) if bare else frames)
        parts.append({key: values[None] for key, values in single.items()})
    for key, values in expected.items():
        joined = np.concatenate([part[key] for part in parts])
        np.testing.assert_array_equal(joined, values, err_msg=key)
    assert session.counts() == whole.counts()
    assert session.peaks == whole.peaks
