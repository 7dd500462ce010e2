"""Placement of random Programs: no limit is exceeded, everything is placed once, and the integers
of the cores, each run by itself with messages between them, are those of the whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurodeploy.backends import cpu, reference
from neurodeploy.errors import ResourceError
from neurodeploy.hardware import load_hardware
from neurodeploy.ir.mapping import box_slices
from neurodeploy.ir.program import Program
from neurodeploy.ir.synapses import fan_out
from neurodeploy.passes.place import core_loads, message_rates, place, sending
from neurodeploy.passes.place.split import core_program, rows_into
from tests.property.random_programs import random_inputs, random_program

LOIHI1, LOIHI2 = load_hardware("loihi1"), load_hardware("loihi2")
# with the limits of the chips everything random would fit on one core
SMALL = {
    "neurons_per_core": (3, 40),
    "synapse_memory_per_core": (600, 20_000),
    "memory_per_core": (200, 4_000),
    "input_axons_per_core": (20, 200),
    "output_axons_per_core": (8, 200),
    "decay_profiles_per_core": (1, 4),
    "threshold_profiles_per_core": (1, 4),
    "synapse_formats_per_core": (4, 8),
    "cores_per_chip": (3, 128),
    "chips": (10_000, 10_000),
    "fan_in_per_neuron": (500, 500),
}


def small_chip(seed: int):
    """Loihi 1 or 2 with small cores; with graded messages, so that any Program may run."""
    rng = np.random.default_rng(seed)
    chip = (LOIHI1, LOIHI2)[seed % 2]
    limits = {**chip.limits, "message_bits": LOIHI2.limits["message_bits"]}
    for name, (low, high) in SMALL.items():
        if name in limits:
            limits[name] = replace(limits[name], value=int(rng.integers(low, high + 1)))
    return replace(chip, limits=limits)


def placed(seed: int):
    """A random Program and its mapping."""
    chip = small_chip(seed)
    program = random_program(seed, graded_sources=True)
    try:
        return program, chip, place(program, chip)
    except ResourceError:
        assume(False)
        raise


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_limit_is_exceeded_and_everything_is_placed_once(seed):
    program, _, mapping = placed(seed)
    held = {name: np.zeros(shape, dtype=int) for name, shape in program.shapes.items()}
    connections = Counter()
    for core in mapping.cores:
        assert all(core.used[limit] <= most for limit, most in mapping.limits.items())
        assert core.neurons == core.used["neurons_per_core"]
        for part in core.slices:
            held[part.population][box_slices(part.box)] += 1
            for synapse in program.incoming(part.population):
                rows = rows_into(program, synapse, part.box)
                connections[synapse.name] += np.count_nonzero(rows.data)
                restricted = fan_out(program, synapse, non_zero=True, into=part.box)
                counted = np.bincount(rows.indices[rows.data != 0], minlength=rows.shape[1])
                np.testing.assert_array_equal(restricted.ravel(), counted)
    assert all((held[neuron.name] == 1).all() for neuron in program.neurons)
    for synapse in program.synapses:
        whole = int(fan_out(program, synapse, non_zero=True).sum())
        assert connections[synapse.name] == whole
    seats = [core.seat for core in mapping.cores]
    assert len(set(seats)) == len(seats)
    assert max(seat.chip for seat in seats) + 1 == mapping.chips
    assert all(count <= mapping.cores_per_chip for count in Counter(s.chip for s in seats).values())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_axons_are_those_that_the_weights_need(seed):
    """Counted from each slice's rows: a list for each input, an axon for each slice reached."""
    program, _, mapping = placed(seed)
    convolutions = {s.target for s in program.synapses if s.geometry is not None}
    sent = Counter()
    for core in mapping.cores:
        arriving = 0
        for part in core.slices:
            for synapse in program.incoming(part.population):
                rows = rows_into(program, synapse, part.box)
                reached = np.flatnonzero(np.bincount(rows.indices[rows.data != 0]))
                arriving += len(reached)
                sent.update((synapse.source, int(i)) for i in reached)
        if not convolutions & {part.population for part in core.slices}:
            assert core.used["input_axons_per_core"] == arriving
    for core in mapping.cores:
        leaving = 0
        for part in core.slices:
            shape = program.shapes[part.population]
            numbers = np.arange(prod(shape)).reshape(shape)[box_slices(part.box)]
            leaving += sum(sent[part.population, int(i)] for i in numbers.ravel())
        # a convolution stores its zeros and may need long axons, so that it takes no fewer
        assert core.used["output_axons_per_core"] >= leaving
        if not convolutions:
            assert core.used["output_axons_per_core"] == leaving


def run_cores(program: Program, mapping, inputs, steps: int):
    """Step by step what every population sends and its last state, from cores side by side."""
    parts = [core_program(program, core) for core in mapping.cores]
    batch = next(iter(inputs.values())).shape[1]
    sessions = [reference.Session(part, batch) for part in parts]
    sent = {n: np.zeros((batch, *shape), dtype=np.int64) for n, shape in program.shapes.items()}
    for t in range(steps):
        now = {n: np.zeros_like(values) for n, values in sent.items()}
        voltages = {n.name: np.zeros_like(sent[n.name]) for n in program.neurons}
        for core, part, session in zip(mapping.cores, parts, sessions, strict=True):
            out = session.step({p.name: sent[p.name] for p in part.inputs})
            for held in core.slices:
                where = (slice(None), *box_slices(held.box))
                now[held.population][where] = out[str(held)]
                state = session.states[str(held)]
                voltages[held.population][where] = state[next(reversed(state))]
        for name, values in inputs.items():
            now[name] = values[t] if t < len(values) else np.zeros_like(sent[name])
        sent = now
        yield {name: now[name] for name in voltages}, voltages


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_splitting_changes_no_integer(seed):
    program, _, mapping = placed(seed)
    inputs = random_inputs(seed, program, steps=12, batch=2)
    whole = reference.Session(program, batch=2)
    silent = {name: np.zeros_like(x[0]) for name, x in inputs.items()}
    for t, (sent, last) in enumerate(run_cores(program, mapping, inputs, 12 + program.depth)):
        out = whole.step({n: x[t] if t < len(x) else silent[n] for n, x in inputs.items()})
        for neuron in program.neurons:
            np.testing.assert_array_equal(sent[neuron.name], out[neuron.name])
            state = whole.states[neuron.name]
            np.testing.assert_array_equal(last[neuron.name], state[next(reversed(state))])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_loads_of_the_cores_add_up_to_the_counts_of_the_run(seed):
    program, chip, _ = placed(seed)
    inputs = random_inputs(seed, program, steps=9, batch=2)
    trace = cpu.run(program, inputs, probe=sending(program))
    rates = message_rates(trace, inputs)
    mapping = place(program, chip, rates=rates)
    load = core_loads(program, mapping, chip, rates)
    for synapse in program.synapses:
        assert rates[synapse.source].shape == program.shapes[synapse.source]
    expected = sum(
        float((rates[s.source] * fan_out(program, s, non_zero=True)).sum())
        for s in program.synapses
    )
    total = sum(core.synaptic_operations for core in load.cores)
    assert total == pytest.approx(expected)
    assert sum(c.counts["neuron_update"] for c in load.cores) == sum(
        n.size for n in program.neurons
    )
    assert load.cores[load.bottleneck].synaptic_operations <= total
