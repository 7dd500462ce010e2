"""Placement where the answer is known: from others' figures, from arithmetic, from the limits."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

from neurodeploy.errors import ConfigError, ResourceError
from neurodeploy.hardware import Quantity, load_hardware
from neurodeploy.ir.program import Program, Synapse
from neurodeploy.passes.place import fit, place
from neurodeploy.passes.place.seating import Mesh, seat
from neurodeploy.passes.place.storage import list_bits
from tests.placement_networks import chain, conv_network, dense, dense_network, lif

LOIHI1, LOIHI2 = load_hardware("loihi1"), load_hardware("loihi2")


def limited(chip, **values):
    """The chip with other limits."""
    limits = {n: Quantity(v, "1", "this test", "assumed") for n, v in values.items()}
    return replace(chip, limits={**chip.limits, **limits})


@pytest.mark.parametrize(
    ("entries", "entry_bits", "bits"),
    # SynapseConfig.bits_per_axon of nengo-loihi 1.1 (n_synapses = 63)
    [(1, 8, 64), (63, 8, 576), (64, 8, 576), (65, 8, 640), (230, 8, 2048), (1, 24, 64),
     (9, 18, 192), (130, 14, 1984), (512, 1, 1024), (0, 8, 0)],
)  # fmt: skip
def test_lists_take_what_nengo_loihi_allocates(entries, entry_bits, bits):
    assert int(list_bits(np.array(entries), entry_bits)) == bits


def test_a_network_takes_as_few_cores_as_its_memory_allows():
    found = fit(dense_network(257, 512, 512, 512, 257), LOIHI1)
    assert found.fits and found.demand.cores("synapse_memory_per_core") == 7
    assert len(found.mapping.cores) == 7


def test_neurons_of_a_population_share_a_core_as_long_as_they_fit():
    one, two = (fit(dense_network(3, n), LOIHI1).mapping for n in (1024, 1025))
    assert [len(m.cores) for m in (one, two)] == [1, 2]
    assert [core.neurons for core in two.cores] == [1024, 1]


def test_more_inputs_than_a_core_has_axons_fit_nowhere():
    found = fit(dense_network(4097, 2), LOIHI1)
    assert [d.rule for d in found.reasons] == ["input_axons_per_core"]
    assert "needs 4,097, a core of loihi1 has 4,096" in str(found.reasons[0])
    assert found.mapping is None
    with pytest.raises(ResourceError, match="4,097"):
        place(dense_network(4097, 2), LOIHI1)


def test_the_convolution_of_512_channels():
    """524,288 neurons at 1,024 a core: four chips of Loihi 1, whatever the weights."""
    first = fit(conv_network(512, 32), LOIHI1)
    assert [d.rule for d in first.reasons] == ["cores"]
    assert first.demand.cores("neurons_per_core") == 512 == len(first.mapping.cores)
    assert first.mapping.chips == 4
    assert first.remedies == (
        "on pohoiki_springs (768 chips of loihi1)",
        "with 1/4 of the neurons of its hidden layers (l0 128x32x32)",
    )
    second = fit(conv_network(512, 32), LOIHI2)
    assert second.demand.cores("memory_per_core") > 128 > second.demand.cores("neurons_per_core")
    assert second.remedies == (
        "on kapoho_point (8 chips of loihi2)",
        "with its convolutions in 2 groups of channels",
        "with 1/2 of the neurons of its hidden layers (l0 256x32x32)",
    )


def test_every_remedy_holds():
    program = dense_network(784, 3000, 3000, 10)
    found = fit(program, LOIHI1)
    assert not found.fits
    bits = next(int(r.split()[3]) for r in found.remedies if "bits" in r)
    assert fit(program, LOIHI1, weight_bits=bits).fits
    assert not fit(program, LOIHI1, weight_bits=bits + 1).fits
    assert fit(program, load_hardware("pohoiki_springs")).fits


def test_profiles_limit_a_core():
    """40 time constants, 32 of which a core of Loihi 1 has: 1024 of its neurons take two cores."""
    decays = np.repeat(np.linspace(0.1, 0.9, 40), 10)
    program = chain([lif("l", (400,), dv=decays)], [dense(400, 3)], (3,))
    mapping = place(program, LOIHI1)
    assert [core.used["decay_profiles_per_core"] for core in mapping.cores] == [32, 8]
    assert len(place(program, LOIHI2).cores) == 1


def test_time_constants_that_round_to_the_same_twelve_bits_share_a_profile():
    decays = 0.5 + np.linspace(0, 1e-5, 400)
    program = chain([lif("l", (400,), dv=decays)], [dense(400, 3)], (3,))
    assert place(program, LOIHI1).cores[0].used["decay_profiles_per_core"] == 1


def test_fan_in_is_a_limit_where_a_chip_has_one():
    program, chip = dense_network(30, 4), limited(LOIHI1, fan_in_per_neuron=29)
    assert [d.rule for d in fit(program, chip).reasons] == ["fan_in_per_neuron"]
    assert fit(program, limited(LOIHI1, fan_in_per_neuron=30)).fits


def test_delays_beyond_the_chip_are_named_and_short_ones_take_memory():
    def delayed(steps: int) -> Program:
        program = dense_network(64, 64)
        synapse = replace(program.synapses[0], delay=steps)
        return replace(program, synapses=(synapse,))

    assert [d.rule for d in fit(delayed(64), LOIHI1).reasons] == ["delay"]
    memory = [place(delayed(d), LOIHI1).peak("synapse_memory_per_core") for d in (0, 63)]
    assert memory == [64 * 576, 64 * 960]  # 64 entries of 8 and of 14 bits, and 10


def test_graded_messages_are_refused_where_there_are_none():
    program = dense_network(3, 4, 2)
    readout = replace(
        program.neurons[0],
        model="integrator",
        params={k: v for k, v in program.neurons[0].params.items() if k != "vth"},
    )
    graded = replace(program, neurons=(readout, program.neurons[1]))
    assert [d.rule for d in fit(graded, LOIHI1).reasons] == ["graded-spikes"]
    assert fit(graded, LOIHI2).fits


def test_sparse_weights_take_less():
    weights = np.zeros((512, 512))
    weights[np.arange(512), np.arange(512)] = 1.0
    synapse = Synapse("", "", "", "sparse", csr_array(weights))
    mapping = place(chain([lif("l", (512,))], [synapse], (512,)), LOIHI1)
    assert mapping.peak("synapse_memory_per_core") == 512 * 64
    assert mapping.peak("input_axons_per_core") == 512


def test_a_finer_cut_behind_it_takes_output_axons():
    """Each of 4096 neurons reaches all cores of the next layer: that many fewer fit on a core."""
    mapping = place(dense_network(64, 4096, 4096, 8), load_hardware("pohoiki_springs"))
    parts = sum(s.population == "l1" for core in mapping.cores for s in core.slices)
    first = [core for core in mapping.cores if core.slices[0].population == "l0"]
    assert max(core.neurons for core in first) <= 4096 // parts
    assert all(core.used["output_axons_per_core"] <= 4096 for core in mapping.cores)


def test_too_many_parts_are_counted_and_not_placed():
    found = fit(dense_network(3, 30_000), limited(LOIHI1, neurons_per_core=1))
    assert found.mapping is None and found.demand.boxes == 30_000
    assert "needs at least 30,000 cores" in str(found.reasons[0])
    with pytest.raises(ResourceError, match="30,000"):
        place(dense_network(3, 30_000), limited(LOIHI1, neurons_per_core=1))
    system = limited(LOIHI1, neurons_per_core=1, chips=1000)
    assert fit(dense_network(3, 30_000), system).fits
    with pytest.raises(ResourceError, match="too many to place"):
        place(dense_network(3, 30_000), system)


def test_fewer_bits_take_fewer_cores():
    program = dense_network(1024, 1024, 10)
    cores = [len(fit(program, LOIHI1, weight_bits=b).mapping.cores) for b in (8, 4, 1)]
    assert cores == sorted(cores, reverse=True) and cores[0] > 2 * cores[2]
    with pytest.raises(ConfigError):
        fit(program, LOIHI1, weight_bits=9)


def test_cores_that_talk_sit_close():
    """A chain in an order that hides it: neighbours of the chain end up side by side."""
    order = np.random.default_rng(0).permutation(16)
    messages = np.zeros((16, 16))
    messages[order[:-1], order[1:]] = 1.0
    seats = seat(csr_array(messages), Mesh(cores=16, cores_per_tile=1, tiles_per_row=4))
    ways = [
        abs(seats[a].row - seats[b].row) + abs(seats[a].column - seats[b].column)
        for a, b in pairwise(order)
    ]
    scattered = np.abs(np.diff(np.array(np.divmod(order, 4)), axis=1)).sum()
    assert len(set(seats)) == 16
    assert sum(ways) <= 0.7 * scattered


def test_cores_that_talk_share_a_chip():
    """Two groups that talk within themselves only, in an order that mixes them."""
    group = np.random.default_rng(1).permutation(8) % 2
    messages = csr_array((group[:, None] == group).astype(float))
    seats = seat(messages, Mesh(cores=4, cores_per_tile=2, tiles_per_row=2))
    chips = {(int(g), s.chip) for g, s in zip(group, seats, strict=True)}
    assert len(chips) == 2 and len(set(seats)) == 8
