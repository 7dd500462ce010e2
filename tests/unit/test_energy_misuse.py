"""Mistakes that energy tables are made with: each is impossible here, refused, or flagged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurodeploy.backends import reference
from neurodeploy.bench.compare import Beside, compare
from neurodeploy.bench.comparison import Question, run_comparison
from neurodeploy.bench.counting.convention import Convention
from neurodeploy.bench.energy_models import ENERGY_MODELS
from neurodeploy.bench.ratios import energy_ratio
from neurodeploy.bench.results import Quality
from neurodeploy.bench.scores import scores
from neurodeploy.bench.spiking_work import spiking_work
from neurodeploy.errors import ConfigError, DataError
from neurodeploy.hardware import Quantity, load_hardware

from . import bench_sample as sample

CMOS = load_hardware("cmos45nm")


@pytest.fixture(scope="module")
def results():
    return sample.results()


def pick(results, side, precision="fp32", hardware="cmos45nm"):
    return next(
        e
        for e in results.energy
        if (e.side, e.precision, e.hardware) == (side, precision, hardware)
        and e.model != "memory-aware"
    )


def test_synaptic_operations_are_counts_and_take_no_rate(results):
    """#9: what is priced is what arrived: events times fan-out, summed over the run, no rate."""
    run = sample.trace(sample.program())
    spikes = run.states["hidden/s"]
    events = int((np.count_nonzero(spikes, axis=(0, 1)) * 2).sum())
    term = next(t for t in pick(results, "snn").terms if t.layer == "readout")
    assert term.count == events
    assert term.energy_j == pytest.approx(events / sample.BATCH * 0.9e-12)


def test_fp32_against_int8_is_refused_and_says_so_if_forced(results):
    """#5"""
    fp32, int8 = pick(results, "ann", "fp32"), pick(results, "snn", "int8")
    with pytest.raises(ConfigError, match="unlike precision: 'int8' and 'fp32'"):
        energy_ratio(int8, fp32)
    forced = energy_ratio(int8, fp32, force=True)
    assert forced.forced == ("unlike precision: 'int8' and 'fp32'",)
    assert forced.against == "cmos45nm, arithmetic, fp32"


def test_a_ratio_across_hardware_or_models_is_refused(results):
    """#26"""
    chip, ann = pick(results, "snn", "on-chip", "loihi1"), pick(results, "ann")
    with pytest.raises(ConfigError) as caught:
        energy_ratio(chip, ann)
    rules = [d.detail.partition(":")[0] for d in caught.value.diagnostics]
    assert rules == ["unlike hardware", "unlike model", "unlike precision"]
    with pytest.raises(ConfigError, match="sides"):
        energy_ratio(chip, chip, force=True)


def test_batch_normalisation_on_one_side_is_another_convention(results):
    """#3: folded here, run there: the ids differ, and so they are refused."""
    ann = sample.ann()
    folded = replace(ann, counts=replace(ann.counts, convention=Convention(batch_norm="folded")))
    network = sample.program()
    with pytest.raises(ConfigError, match="batch-norm=folded"):
        compare(
            network, sample.trace(network).counts, [CMOS], provenance=sample.PROVENANCE, ann=folded
        )


def test_a_missing_price_is_unpriced_and_gives_no_ratio(results):
    """#28"""
    loihi2 = pick(results, "snn", "on-chip", "loihi2")
    assert loihi2.energy_j is None
    assert "synaptic operations" in loihi2.missing
    with pytest.raises(ConfigError, match="no energy"):
        energy_ratio(loihi2, pick(results, "ann"), force=True)


def test_an_operator_that_is_not_counted_is_said_beside_the_ratios(results):
    """#28: listed with the totals, and a ratio to them is a lower bound."""
    assert "aten.avg_pool2d (4 calls)" in pick(results, "ann").missing
    assert any("without aten.avg_pool2d" in text for text in results.caveats)
    whole = replace(sample.ann().counts, uncounted={})
    network = sample.program()
    args = {"provenance": sample.PROVENANCE, "ann": replace(sample.ann(), counts=whole)}
    shown = compare(network, sample.trace(network).counts, [CMOS], **args)
    assert not any("is not counted" in text for text in shown.caveats)


def test_a_chip_that_is_too_small_is_named():
    """#24"""
    chip = load_hardware("loihi1")
    tight = {n: replace(chip.limits[n], value=1) for n in ("neurons_per_core", "cores_per_chip")}
    small = replace(chip, name="small", limits={**chip.limits, **tight})
    x = np.random.default_rng(2).random((sample.STEPS, sample.BATCH, 6))
    shown = run_comparison(sample.program(), x, [chip, small], provenance=sample.PROVENANCE)
    (words,) = [text for text in shown.caveats if "does not fit" in text]
    assert words.startswith("The network does not fit small: needs 10 cores, small has 1")


def test_a_break_even_with_neurons_that_nobody_priced_is_unpriced():
    """#28: darwin3 has no price of an update, truenorth's holds it, loihi1 has its own."""
    network = sample.program()
    chips = [CMOS, *map(load_hardware, ("darwin3", "truenorth", "loihi1"))]
    shown = compare(
        network, sample.trace(network).counts, chips, provenance=sample.PROVENANCE, ann=sample.ann()
    )
    lines = {b.hardware: b.rate_with_neurons for b in shown.break_even}
    assert lines["darwin3 / cmos45nm"] is None
    assert lines["truenorth / cmos45nm"] is not None
    assert lines["loihi1 / cmos45nm"] is not None


def test_an_all_in_price_takes_no_hop_even_if_one_is_forced_upon_it():
    """#22: the file is refused (test_hardware), and a value made by hand is not added up."""
    north = load_hardware("truenorth")
    hop = Quantity(1.0, "J", "a test", "measured", "per-term")
    extra = {"hop_east_west": hop, "neuron_update": hop, "static_power": replace(hop, unit="W")}
    crowded = replace(north, prices={**north.prices, **extra})
    network = sample.program()
    work = spiking_work(network, sample.trace(network).counts)
    plain, more = (next(ENERGY_MODELS["device"](work, chip)) for chip in (north, crowded))
    assert plain.scope == "all-in"
    assert {t.term for t in more.terms} == {"synaptic_operation"}
    assert plain.energy_j == more.energy_j


def test_an_analog_first_layer_is_macs_and_is_named(results):
    """#1"""
    terms = {t.layer: t.term for t in pick(results, "snn").terms if t.group == "synapses"}
    assert terms == {"hidden": "mac", "readout": "ac"}
    assert any("fc1" in text and "Graded messages" in text for text in results.caveats)


def test_the_first_layer_of_a_repeated_input_is_counted_in_every_step():
    """#2: direct encoding repeated T times is T calls."""
    network = sample.program()
    once = reference.run(network, np.ones((1, 1, 6))).counts.synapses[0]
    often = reference.run(network, np.ones((7, 1, 6))).counts.synapses[0]
    assert often.synaptic_operations == 7 * once.synaptic_operations


def test_neuron_updates_are_priced_in_every_step_whether_they_spike_or_not(results):
    """#4"""
    chip = pick(results, "snn", "on-chip", "loihi1")
    updates = sum(t.count for t in chip.terms if t.term == "neuron_update")
    assert updates == 10 * sample.STEPS * sample.BATCH


def test_both_sides_get_their_sparsity(results):
    """#6: a dense and a zero-skipping artificial network, two ratios."""
    dense, skipping = pick(results, "ann"), pick(results, "ann-zero-skipping")
    assert skipping.energy_j < dense.energy_j
    assert {r.ann for r in results.ratios} == {"ann", "ann-zero-skipping"}


def test_output_rates_are_not_taken_for_input_rates(results):
    """#8: the first layer's rate is that of the input, the second's that of the first."""
    hidden, readout = results.layers
    assert readout.input_rate == pytest.approx(hidden.rate)
    assert hidden.input_rate == 1.0


def test_time_first_and_batch_first_are_told_apart():
    """#17: [N, T] where [T, N] is meant is refused where it cannot be meant, by size."""
    network = sample.program()
    with pytest.raises(DataError, match=r"expected \(T, B, 6\)"):
        reference.run(network, np.ones((3, 6, 20)))
    with pytest.raises(DataError, match=r"not \(B, T\)"):
        scores(np.zeros((3, 20)), np.zeros((20, 3, 1)))


def test_state_does_not_leak_from_sample_to_sample():
    """#18: a sample's counts do not depend on who came before it."""
    network = sample.program()
    x = np.random.default_rng(5).random((sample.STEPS, 2, 6))
    both = reference.run(network, x).counts
    alone = [reference.run(network, x[:, i : i + 1]).counts for i in range(2)]
    assert sum(c.synapses[1].synaptic_operations for c in alone) == (
        both.synapses[1].synaptic_operations
    )


def scored(spiking: float, artificial: float) -> Beside:
    return Beside(
        quality=(
            Quality("a", "spiking", {"accuracy": spiking}, side="snn"),
            Quality("b", "artificial", {"accuracy": artificial}, side="ann"),
        )
    )


def test_ratios_across_qualities_are_refused_and_flagged_if_forced():
    """#26"""
    network = sample.program()
    counts = sample.trace(network).counts
    args = {"provenance": sample.PROVENANCE, "ann": sample.ann()}
    refused = compare(network, counts, [CMOS], beside=scored(0.90, 0.97), **args)
    assert refused.ratios == ()
    assert "accuracy 0.9 against 0.97" in refused.refused[0]
    forced = compare(network, counts, [CMOS], beside=scored(0.90, 0.97), force=True, **args)
    assert all(r.quality == "differs" and "quality" in r.forced[0] for r in forced.ratios)
    equal = compare(network, counts, [CMOS], beside=scored(0.970, 0.975), **args)
    assert {r.quality for r in equal.ratios} == {"equal"}


def test_an_asked_ratio_is_refused_like_any_other():
    network = sample.program()
    counts = sample.trace(network).counts
    chips = [load_hardware("loihi1"), CMOS]
    args = {"provenance": sample.PROVENANCE, "ann": sample.ann()}
    with pytest.raises(ConfigError, match="unlike hardware"):
        compare(network, counts, chips, ratios=["loihi1/cmos45nm:int8"], **args)
    with pytest.raises(ConfigError, match="no estimate of the ann side"):
        compare(network, counts, chips, ratios=["loihi1/loihi1"], force=True, **args)
    shown = compare(network, counts, chips, ratios=["loihi1/cmos45nm:int8"], force=True, **args)
    assert [r.against for r in shown.ratios if r.against] == ["cmos45nm, arithmetic, int8"]


def test_a_twin_is_called_untrained():
    """A twin has no quality: every ratio to it says that quality is unknown."""
    x = np.random.default_rng(2).random((sample.STEPS, sample.BATCH, 6))
    shown = run_comparison(
        sample.program(), x, [CMOS], provenance=sample.PROVENANCE, question=Question()
    )
    assert {r.quality for r in shown.ratios} == {"unknown"}
    assert any("derived, counted and not trained" in text for text in shown.caveats)


def test_band_and_two_digits(results):
    """#31: every ratio has a band, and prices shared by both sides cancel in it."""
    for ratio in results.ratios:
        assert ratio.low <= ratio.ratio <= ratio.high
    processor = next(r for r in results.ratios if r.hardware == "gpu_2015")
    assert processor.high / processor.low < 4
