"""Energy arithmetic: published rows, unpriced terms, all-in scope, refused ratios, break-even."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurodeploy.bench.break_even import Prices, Work, break_even_rate
from neurodeploy.bench.energy import (
    PRECISIONS,
    energy_ratio,
    estimate_cmos_ann,
    estimate_cmos_snn,
    estimate_spiking,
)
from neurodeploy.bench.op_counts import CONVENTION, LayerOps, OpCounts
from neurodeploy.errors import ConfigError
from neurodeploy.hardware import Hardware, Quantity, load_hardware
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.ir.trace import Counts, NeuronCounts, SynapseCounts

CMOS = load_hardware("cmos45nm")


def network(model: str = "cuba_lif") -> Program:
    params = {"du": 1.0, "dv": 0.1, "vth": 1.0, "bias": 0.0, "v_init": 0.0}
    return Program(
        name="one layer",
        arithmetic="real",
        dt=1e-3,
        inputs=(Port("in", (4,)),),
        neurons=(Neuron("layer", (3,), model, params),),
        synapses=(Synapse("w", "in", "layer", "dense", np.ones((3, 4))),),
        outputs=("layer",),
    )


def counts(acs: int, macs: int = 0, updates: int = 0, spikes: int = 0, batch: int = 1) -> Counts:
    synapses = (
        SynapseCounts("w", "in", "layer", "dense", acs, acs, 12, graded=False),
        SynapseCounts("x", "in", "layer", "dense", macs, macs, 12, graded=True),
    )
    neurons = (NeuronCounts("layer", "cuba_lif", 3, updates, spikes),)
    return Counts(10, batch, neurons, synapses)


def ann(macs: int, samples: int = 1, passes: int = 1) -> OpCounts:
    layer = LayerOps("fc", "addmm", 1, macs, macs // 2, macs // 10, 0, 0)
    return OpCounts(CONVENTION, samples, passes, (layer,), 0, {})


def chip(scope: str = "per-term", **prices: float) -> Hardware:
    quantities = {
        term: Quantity(value, "W" if term == "static_power" else "J", "a test", "measured", scope)
        for term, value in prices.items()
    }
    return Hardware("chip", "A chip", "spiking", "", {}, quantities, {})


@pytest.mark.parametrize(
    ("acs", "macs", "millijoules"),
    [
        (100_000_000, 140_000_000, 0.734),  # syops table: Spiking-ResNet-18
        (500_000_000, 2_750_000_000, 13.10),  # SEW-ResNet-18
        (245_851_247, 5_312_266, 0.245702545),  # Spikformer-4-384, a user's run
    ],
)
def test_published_rows_of_the_syops_table(acs, macs, millijoules):
    estimate = estimate_cmos_snn(network(), counts(acs, macs), CMOS, PRECISIONS["fp32"])
    assert estimate.energy_j == pytest.approx(millijoules * 1e-3, rel=1e-8)


def test_published_row_of_resnet_18():
    estimate = estimate_cmos_ann(ann(1_820_000_000), CMOS, PRECISIONS["fp32"], passes=1)
    assert estimate.energy_j == pytest.approx(8.372e-3, rel=1e-9)


@pytest.mark.parametrize(
    ("synop", "update", "joules"), [(8.6e-9, 8.6e-9, 8.64e-4), (1e-10, 2e-9, 1.03e-5)]
)
def test_keras_spiking_dense_784_128(synop, update, joules):
    hardware = chip(synaptic_operation=synop, neuron_update=update)
    estimate = estimate_spiking(network(), counts(100_352, updates=128), hardware)
    assert estimate.energy_j == pytest.approx(joules, rel=5e-3)


def test_loihi_1_by_hand_per_inference_with_its_band():
    run = counts(1000, updates=60, spikes=7, batch=2)
    estimate = estimate_spiking(network(), run, load_hardware("loihi1"))
    assert estimate.energy_j == pytest.approx((1000 * 23.6 + 60 * 81 + 7 * 1.7) * 1e-12 / 2)
    # Lower end: every update inactive, all prices halved. Upper end: doubled.
    assert estimate.low_j == pytest.approx((1000 * 23.6 + 60 * 52 + 7 * 1.7) * 1e-12 / 4)
    assert estimate.high_j == pytest.approx((1000 * 23.6 + 60 * 81 + 7 * 1.7) * 1e-12)
    assert estimate.power_w == pytest.approx((estimate.energy_j or 0) / 10e-3)
    assert estimate.evidence == "simulated"
    assert all("Davies" in term.source for term in estimate.terms)


def test_a_missing_price_is_listed_and_not_zero():
    run = counts(1000, updates=60, spikes=7)
    estimate = estimate_spiking(network(), run, load_hardware("loihi2"))
    assert estimate.energy_j is None
    assert estimate.power_w is None
    assert {t.energy_j for t in estimate.terms} == {None}
    assert estimate.missing[:4] == (
        "neuron updates",
        "spikes",
        "synaptic operations",
        "static power",
    )
    partly = estimate_spiking(network(), run, chip(synaptic_operation=1e-12))
    assert partly.energy_j == pytest.approx(1e-9)
    assert partly.missing[:2] == ("neuron updates", "spikes")


def test_an_all_in_price_takes_no_further_terms():
    hardware = chip("all-in", synaptic_operation=26e-12, neuron_update=1.0, static_power=1.0)
    estimate = estimate_spiking(network(), counts(1000, updates=60, spikes=7), hardware)
    assert estimate.energy_j == pytest.approx(26e-9)
    assert estimate.scope == "all-in"
    assert {t.term for t in estimate.terms} == {"synaptic_operation"}


def test_static_power_runs_for_every_step_of_every_inference():
    run = counts(0, batch=4)
    estimate = estimate_spiking(network(), run, chip(synaptic_operation=1e-12, static_power=0.2))
    assert estimate.energy_j == pytest.approx(0.2 * 10 * 1e-3)


def test_cmos_neuron_updates_follow_the_model_s_cost():
    run = counts(0, updates=100)
    estimate = estimate_cmos_snn(network(), run, CMOS, PRECISIONS["int8-acc32"])
    # No current memory: one multiplication, one addition and one comparison on 32-bit state.
    assert estimate.energy_j == pytest.approx(100 * (3.1 + 0.1 + 0.1) * 1e-12)


def test_ann_biases_and_rectifiers_are_additions():
    layers = tuple(replace(x, bias_adds=30) for x in ann(1000).layers)
    values = replace(ann(1000), layers=layers, activations=20)
    estimate = estimate_cmos_ann(values, CMOS, PRECISIONS["fp32"], passes=1)
    assert estimate.energy_j == pytest.approx((1000 * 4.6 + 50 * 0.9) * 1e-12)


def test_ann_passes_and_zero_skipping():
    values = ann(1000, samples=5, passes=2)
    dense = estimate_cmos_ann(values, CMOS, PRECISIONS["int8"], passes=30)
    assert dense.energy_j == pytest.approx(1000 / 10 * 30 * 0.23e-12)
    skipping = estimate_cmos_ann(values, CMOS, PRECISIONS["int8"], passes=30, zero_skipping=True)
    assert skipping.energy_j == pytest.approx(600 / 10 * 30 * 0.23e-12)


def test_uncounted_operators_are_missing_from_the_total():
    values = replace(ann(10), uncounted={"aten.native_batch_norm": 3})
    estimate = estimate_cmos_ann(values, CMOS, PRECISIONS["fp32"], passes=1)
    assert estimate.missing[-1] == "aten.native_batch_norm (3 calls)"


def test_ratios_across_precision_hardware_and_convention_are_refused():
    snn = estimate_cmos_snn(network(), counts(1000), CMOS, PRECISIONS["int8"])
    fp32 = estimate_cmos_ann(ann(1000), CMOS, PRECISIONS["fp32"], passes=1)
    with pytest.raises(ConfigError, match="precision"):
        energy_ratio(snn, fp32)
    assert energy_ratio(snn, fp32, force=True).ratio == pytest.approx(4.6 / 0.03)
    with pytest.raises(ConfigError, match="hardware"):
        energy_ratio(snn, replace(fp32, precision="int8", hardware="gpu"))
    with pytest.raises(ConfigError, match="convention"):
        energy_ratio(snn, replace(fp32, precision="int8", convention="other"))
    same = estimate_cmos_ann(ann(1000), CMOS, PRECISIONS["int8"], passes=1)
    ratio = energy_ratio(snn, same)
    assert (ratio.low, ratio.high) == (ratio.ratio / 2, ratio.ratio * 2)


def test_no_ratio_to_an_unpriced_side_even_if_forced():
    unpriced = estimate_spiking(network(), counts(1000), load_hardware("loihi2"))
    other = estimate_cmos_ann(ann(1000), CMOS, PRECISIONS["int8"], passes=1)
    with pytest.raises(ConfigError, match="no energy"):
        energy_ratio(unpriced, other, force=True)


@pytest.mark.parametrize(
    ("prices", "steps", "rate"),
    [
        (Prices(4.6, 0.9), 4, 1.28),
        (Prices(4.6, 0.9), 8, 0.64),
        (Prices(4.6, 0.9), 25, 0.20),
        (Prices(0.23, 0.03), 4, 1.92),
        (Prices(0.23, 0.03), 8, 0.96),
        (Prices(0.23, 0.03), 25, 0.31),
        # 8-bit weight and 16-bit membrane in an 8 KB SRAM on a 64-bit bus: 1.25 pJ a byte.
        (Prices(0.23, 0.03, weight_j=1.25, state_j=5.0), 1, 0.236),
        (Prices(0.23, 0.03, weight_j=1.25, state_j=5.0), 4, 0.059),
    ],
)
def test_break_even_rates_in_the_literature_s_terms(prices, steps, rate):
    assert break_even_rate(prices, Work(steps, 1, 1)) == pytest.approx(
        rate, abs=5e-4 if rate < 0.06 else 5e-3
    )


def test_break_even_with_graded_operations_and_neuron_updates():
    prices = Prices(4.0, 1.0, graded_j=4.0)
    assert break_even_rate(prices, Work(10, 50, 500)) == pytest.approx(4.0)
    assert break_even_rate(prices, Work(10, 50, 500, graded=400)) == pytest.approx(0.8)
    assert break_even_rate(prices, Work(10, 50, 500), neurons_j=1900) == pytest.approx(0.2)
    assert break_even_rate(prices, Work(10, 50, 500), neurons_j=2001) == 0.0
