"""The reference backend's own promises: time, probes, inputs, counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurodeploy.backends import reference
from neurodeploy.errors import ConfigError, DataError, VerificationError
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.ir.verify import verify_program
from neurodeploy.pipeline import load
from tests.unit.test_files import DT, small_graph

STATE = {"du": 4095, "dv": 0, "bias": 0, "bias_exp": 0, "v_init": 0}


def chain(delay=1, bits=0, model="cuba_lif", latency=1) -> Program:
    params = {**STATE, "vth": 100} if model != "integrator" else STATE
    params = {**params, "subtract": 100} if model == "soft_lif" else params
    neuron = Neuron("n", (1,), model, params, latency=latency)
    synapse = Synapse("s", "in", "n", "dense", np.array([[60, -20]]), delay)
    return Program("p", "fixed", 1e-3, (Port("in", (2,), bits),), (neuron,), (synapse,), ("n",))


def test_a_spike_arrives_after_its_delay():
    x = np.array([[1, 0], [0, 0], [0, 0], [0, 0]])
    for delay in (1, 2, 4):
        trace = reference.run(chain(delay, latency=delay), x, probe="all")
        arrival = np.flatnonzero(trace.states["n/u"][:, 0, 0])
        assert arrival.tolist() == [delay]
        assert trace.states["n/u"][delay, 0, 0] == 60 << 6
        assert trace.aligned("n/u")[0, 0, 0] == 60 << 6


def test_hard_and_soft_reset_by_hand():
    x = np.tile([1, 0], (6, 1))
    hard = reference.run(chain(), x, probe="all")
    assert (hard.states["n/v"][:, 0, 0] >> 6).tolist() == [0, 60, 0, 60, 0, 60, 0]
    assert hard.output[:, 0, 0].tolist() == [0, 1, 0, 1, 0, 1]
    soft = reference.run(chain(model="soft_lif"), x, probe="all")
    assert (soft.states["n/v"][:, 0, 0] >> 6).tolist() == [0, 60, 120, 80, 140, 100, 160]
    assert soft.output[:, 0, 0].tolist() == [0, 1, 0, 1, 0, 1]  # 100 is not above 100


def test_counts_by_hand():
    x = np.array([[[1, 0], [1, 1]], [[0, 0], [0, 1]], [[1, 1], [0, 0]]])
    counts = reference.run(chain(), x).counts
    (synapse,), (neuron,) = counts.synapses, counts.neurons
    assert (counts.steps, counts.batch) == (4, 2)
    assert synapse.messages == 6
    assert synapse.synaptic_operations == 6
    assert synapse.dense_operations == 2 * 4 * 2
    assert neuron.neuron_updates == 4 * 2
    assert type(counts).from_dict(counts.to_dict()) == counts


@pytest.mark.parametrize(("value", "graded"), [(1.0, False), (0.5, True), (-1.0, True)])
def test_real_input_is_graded_unless_it_is_spikes(value, graded):
    """A spike costs an addition, a value a product: what came in decides, one value is enough."""
    program = load(small_graph(), DT)
    x = (np.random.default_rng(0).uniform(size=(6, 2, 3)) < 0.5).astype(float)
    x[4, 1, 2] = value
    (synapse,) = reference.run(program, x).counts.synapses
    assert synapse.graded is graded
    assert synapse.synaptic_operations == 2 * np.count_nonzero(x)


def test_overflow_is_counted_not_hidden():
    program = chain(bits=16, model="integrator")
    x = np.full((3, 2), 30000)
    trace = reference.run(program, x)
    assert trace.counts.neurons[0].saturations > 0


def test_graded_input_is_encoded_by_the_port():
    program = replace(chain(bits=4, model="integrator"), inputs=(Port("in", (2,), 4, 10.0),))
    trace = reference.run(program, np.array([[0.31, 0.0], [9.0, 0.0]]), probe="all")
    assert (trace.states["n/u"][1:, 0, 0] >> 6).tolist() == [3 * 60, 15 * 60]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.ones((3, 5)), r"shape \(3, 1, 5\)|shape \(3, 5\)"),
        (np.full((3, 2), np.nan), "NaN"),
        (np.full((3, 2), 2), "takes integers 0..1"),
        (np.full((3, 2), 0.5), "takes integers 0..1"),
        (np.array([["a", "b"]]), "not a number"),
        (np.ones((0, 2)), "shape"),
    ],
)
def test_wrong_input(x, words):
    with pytest.raises(DataError, match=words):
        reference.run(chain(), x)


def test_wrong_probe_and_steps():
    x = np.ones((3, 2), int)
    with pytest.raises(ConfigError, match="known: n"):
        reference.run(chain(), x, probe="m")
    with pytest.raises(ConfigError, match="known:"):
        reference.run(chain(), x, probe="n/w")
    with pytest.raises(ConfigError, match="steps"):
        reference.run(chain(), x, steps=-1)


def test_steps_cut_or_extend_the_input():
    x = np.ones((3, 2), int)
    assert reference.run(chain(), x, steps=2).output.shape == (2, 1, 1)
    assert reference.run(chain(), x, steps=7).output.shape == (7, 1, 1)


def test_verify_finds_every_broken_rule_at_once():
    good = chain()
    verify_program(good)
    neuron = replace(good.neurons[0], params={**STATE, "vth": 1 << 17, "du": 1.5})
    synapse = replace(good.synapses[0], weights=np.array([[61, -20]]), weight_exp=9)
    with pytest.raises(VerificationError) as caught:
        verify_program(replace(good, neurons=(neuron,), synapses=(synapse,)))
    rules = {d.where for d in caught.value.diagnostics}
    assert rules == {"neuron n.vth", "neuron n.du", "synapse s.weights", "synapse s.weight_exp"}
    with pytest.raises(VerificationError, match="is no population"):
        verify_program(replace(good, outputs=("x",)))
    with pytest.raises(VerificationError, match="taken twice"):
        verify_program(replace(good, neurons=(good.neurons[0], good.neurons[0])))


def test_a_cycle_without_delay_is_refused():
    program = chain()
    loop = Synapse("r", "n", "n", "dense", np.array([[2]]), 0)
    with pytest.raises(VerificationError, match="delay-free-cycle"):
        verify_program(replace(program, synapses=(*program.synapses, loop)))
