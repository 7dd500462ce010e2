"""Training forwards is the simulator: every message of every population of random Programs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.backends import reference
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.zoo.fine_tuning import FixedNetwork
from neurodeploy.zoo.fine_tuning.fixed_step import MODELS
from tests.fuzz import examples
from tests.property.random_programs import random_inputs, random_program


@settings(max_examples=examples(300))
@given(st.integers(0, 2**32 - 1), st.integers(0, 1), st.integers(1, 3))
def test_random_programs(seed: int, least_delay: int, batch: int) -> None:
    """Of one to four layers."""
    program = random_program(seed, least_delay=least_delay, models=MODELS)
    x = random_inputs(seed, program, 20, batch)
    expected = reference.run(program, x, probe="all")
    network = FixedNetwork(program)
    sent = network.integers(x)
    for neuron in program.neurons:
        key = f"{neuron.name}/{NEURON_MODELS[neuron.model].sends}"
        got = sent[neuron.name].detach().numpy()
        np.testing.assert_array_equal(got, expected.states[key], err_msg=key)
    unchanged = network.to_program()
    for stored, synapse in zip(unchanged.synapses, program.synapses, strict=True):
        np.testing.assert_array_equal(stored.weight_values, synapse.weight_values)
