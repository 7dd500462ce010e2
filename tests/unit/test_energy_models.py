"""Energy models against published rows, to the last digit printed, and the rules they keep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neurodeploy.bench.break_even import Amounts, Prices, break_even_rate
from neurodeploy.bench.counting.convention import DEFAULT
from neurodeploy.bench.counting.record import PROGRAM, TORCH, ByValue, CountRecord, LayerCount
from neurodeploy.bench.energy_models import ENERGY_MODELS, Traffic, Work, ann_work
from neurodeploy.bench.energy_models.arithmetic import PRECISIONS, arithmetic
from neurodeploy.bench.energy_models.lemaire import (
    WORD_BYTES,
    Sizes,
    formal_dense,
    memory_price,
    priced,
    spiking_conv,
    spiking_dense,
)
from neurodeploy.bench.proxies import pdp_proxy, power_proxy
from neurodeploy.hardware import Hardware, Quantity, load_hardware

CMOS = load_hardware("cmos45nm")
STEPS = 10


def snn(
    acs: int = 0, macs: int = 0, updates: int = 0, spikes: int = 0, batch: int = 1, **more: object
) -> Work:
    """One layer that made so many operations in 10 steps of 1 ms."""
    link = LayerCount("w", "linear", dense_macs=10**10, effective=ByValue(binary=acs, graded=macs))
    cell = LayerCount("layer", "neuron", updates=updates, spikes_out=spikes)
    cell = replace(cell, multiplies=updates, adds=updates, compares=updates)
    record = CountRecord(DEFAULT, batch, STEPS, PROGRAM, (link, cell))
    return replace(ann_work(record, STEPS), side="snn", inference_s=0.01, **more)


def ann(macs: int, samples: int = 1, steps: int = 1, passes: int = 1, **more: int) -> Work:
    effective = ByValue(binary=macs // 10, graded=macs // 2)
    layer = LayerCount("fc", "linear", dense_macs=macs, effective=effective, **more)
    return ann_work(CountRecord(DEFAULT, samples, steps, TORCH, (layer,)), passes)


def chip(scope: str = "per-term", kind: str = "spiking", **prices: float) -> Hardware:
    quantities = {
        term: Quantity(value, "W" if term == "static_power" else "J", "a test", "measured", scope)
        for term, value in prices.items()
    }
    return Hardware("chip", "A chip", kind, "", {}, quantities, {})


def on(work: Work, hardware: Hardware):
    """The only estimate of a chip or processor."""
    (found,) = [e for model in ENERGY_MODELS.values() for e in model(work, hardware)]
    return found


def printed(value: float, text: str) -> None:
    """`value` rounded to the digits of `text` is `text`."""
    digits = len(text.replace(".", "").lstrip("0"))
    assert f"{value:.{digits}g}" == f"{float(text):.{digits}g}"


@pytest.mark.parametrize(
    ("acs", "macs", "millijoules"),
    [
        (100_000_000, 140_000_000, "0.734"),  # syops table: Spiking-ResNet-18
        (500_000_000, 2_750_000_000, "13.10"),  # SEW-ResNet-18
        # Spikformer-4-384, a user's run; its table cuts 0.2457025459 off instead of rounding
        (245_851_247, 5_312_266, "0.2457025459"),
    ],
)
def test_published_rows_of_the_syops_table(acs, macs, millijoules):
    estimate = arithmetic(snn(acs, macs), CMOS, PRECISIONS["fp32"])
    printed(estimate.energy_j * 1e3, millijoules)


def test_published_row_of_resnet_18():
    estimate = arithmetic(ann(1_820_000_000), CMOS, PRECISIONS["fp32"], dense=True)
    printed(estimate.energy_j * 1e3, "8.372")


@pytest.mark.parametrize(
    ("precision", "mac", "ac"),
    [("fp32", 4.6, 0.9), ("fp16", 1.5, 0.4), ("int8", 0.23, 0.03), ("int32", 3.2, 0.1)],
)
def test_presets_of_compute_alone(precision, mac, ac):
    total = arithmetic(snn(1000, 10), CMOS, PRECISIONS[precision])
    assert total.energy_j == pytest.approx((1000 * ac + 10 * mac) * 1e-12)


DENSE_ROWS = [
    # inputs, outputs, LIF, spikes in, spikes out, pJ as printed, pJ corrected
    (8, 16, False, 1, 0, "48.3828125", "37.1828125"),
    (16, 16, True, 4, 0, "299.88125", "203.88125"),
    (32, 24, False, 12, 24, "2408.26875", "1517.86875"),
    (256, 64, True, 32, 64, "102366.453226", "50148.8532258"),
]
CONV_ROWS = [
    # C_in, C_out, side, kernel, LIF, spikes in, spikes out, pJ
    (4, 8, 12, 3, False, 72, 64, "82720.7625"),
    (8, 16, 10, 3, True, 200, 704, "665179.4625"),
    (32, 32, 6, 1, False, 288, 576, "178177.95"),
]
FIFO = 1000 * WORD_BYTES


def picojoules(done, sizes) -> float:
    return sum(count * price.value for _, _, count, price in priced(done, sizes, CMOS)) * 1e12


@pytest.mark.parametrize(("n_in", "n_out", "lif", "came", "left", "wrong", "right"), DENSE_ROWS)
def test_lemaire_s_fully_connected_rows(n_in, n_out, lif, came, left, wrong, right):
    sizes = Sizes(FIFO, (n_in + 1) * n_out * WORD_BYTES, n_out * WORD_BYTES, FIFO)
    counts = (came * n_out, came, left, n_out, n_out if lif else 0)
    printed(picojoules(spiking_dense(*counts), sizes), right)
    printed(picojoules(spiking_dense(*counts, inputs=n_in, printed=True), sizes), wrong)


@pytest.mark.parametrize(("c_in", "c_out", "side", "k", "lif", "came", "left", "pj"), CONV_ROWS)
def test_lemaire_s_convolution_rows(c_in, c_out, side, k, lif, came, left, pj):
    neurons = c_out * side * side
    parameters = c_in * c_out * k * k + c_out
    sizes = Sizes(FIFO, parameters * WORD_BYTES, neurons * WORD_BYTES, FIFO)
    done = spiking_conv(came * c_out * k * k, came, left, neurons, neurons if lif else 0)
    printed(picojoules(done, sizes), pj)


@pytest.mark.parametrize(
    ("size", "pj"), [(0, 0), (4096, 5), (8192, 10), (32768, 20), (1 << 20, 100), (2 << 20, 182.58)]
)
def test_memory_price_lies_on_lines_through_the_published_sizes(size, pj):
    assert memory_price(CMOS, size).value * 1e12 == pytest.approx(pj, rel=1e-4)
    assert memory_price(CMOS, size).evidence == "derived"


def test_the_memory_model_of_a_layer_is_the_equation():
    """32 -> 24 IF with 12 spikes in and 24 out: the row of the paper, from a count record."""
    link = LayerCount(
        "w", "linear", parameters=768, spikes_in=12, dense_macs=768, effective=ByValue(binary=288)
    )
    cell = LayerCount("layer", "neuron", updates=24, spikes_out=24)
    record = CountRecord(DEFAULT, 1, 1, PROGRAM, (link, cell))
    work = replace(ann_work(record, 1), side="snn", layer_of={"w": "layer"})
    (estimate,) = ENERGY_MODELS["lemaire"](work, CMOS)
    printed(estimate.energy_j * 1e12, "1517.86875")


def test_the_memory_model_adds_a_graded_product_once():
    """10 graded values on 3 weights: 30 MACs, and 30 accesses of weights and membranes."""
    link = LayerCount(
        "w", "linear", parameters=30, spikes_in=10, dense_macs=30, effective=ByValue(graded=30)
    )
    cell = LayerCount("layer", "neuron", updates=3)
    record = CountRecord(DEFAULT, 1, 1, PROGRAM, (link, cell))
    work = replace(ann_work(record, 1), side="snn", layer_of={"w": "layer"})
    (estimate,) = ENERGY_MODELS["lemaire"](work, CMOS)
    counts = {t.term: t.count for t in estimate.terms}
    assert (counts["mac"], counts["add"]) == (30, 3)
    assert counts["weight read"] == counts["state read"] == counts["state write"] == 33


def test_the_memory_model_of_an_artificial_layer():
    work = ann(768, inputs=32, outputs=24, parameters=792)
    (estimate,) = ENERGY_MODELS["lemaire"](work, CMOS)
    sizes = Sizes(32 * WORD_BYTES, 792 * WORD_BYTES, 0, 24 * WORD_BYTES)
    assert estimate.energy_j * 1e12 == pytest.approx(picojoules(formal_dense(768, 32, 24), sizes))
    assert estimate.precision == "int32"


def test_keras_spiking_s_rows():
    """784 -> 128: its cpu, and a device of one's own on which every input is a spike."""
    dense = LayerCount("fc", "linear", dense_macs=100_352)
    relu = LayerCount("relu", "activation", outputs=128)
    work = ann_work(CountRecord(DEFAULT, 1, 1, TORCH, (dense, relu)), 1)
    printed(on(work, load_hardware("cpu_2015")).energy_j, "0.000864")
    own = chip(synaptic_operation=1e-10, neuron_update=2e-9)
    printed(on(snn(100_352, updates=128), own).energy_j, "0.0000103")


def test_n_dns_proxies():
    power = power_proxy(839_112, 2_762, 0.008)
    printed(power, "108341500")
    printed(pdp_proxy(power, 0.03203), "3470178")
    # NsNet2: 2.681 M parameters and 4,160 neurons in steps of 20 ms.
    printed(power_proxy(2_681_000, 4_160, 0.020) / 1e6, "136.13")


def test_loihi_1_by_hand_per_inference_with_its_band():
    work = replace(snn(1000, updates=60, spikes=7, batch=2), times=1 / 2)
    estimate = on(work, load_hardware("loihi1"))
    assert estimate.energy_j == pytest.approx((1000 * 23.6 + 60 * 81 + 7 * 1.7) * 1e-12 / 2)
    # Lower end: every update inactive, all prices halved. Upper end: doubled.
    assert estimate.low_j == pytest.approx((1000 * 23.6 + 60 * 52 + 7 * 1.7) * 1e-12 / 4)
    assert estimate.high_j == pytest.approx((1000 * 23.6 + 60 * 81 + 7 * 1.7) * 1e-12)
    assert estimate.power_w == pytest.approx(estimate.energy_j / 10e-3)
    assert estimate.evidence == "simulated"
    assert all("Davies" in term.source for term in estimate.terms)


def test_a_missing_price_is_listed_and_not_zero():
    work = snn(1000, updates=60, spikes=7)
    estimate = on(work, load_hardware("loihi2"))
    assert estimate.energy_j is None
    assert estimate.power_w is None
    assert {t.energy_j for t in estimate.terms} == {None}
    assert estimate.missing[:4] == (
        "neuron updates",
        "spikes",
        "synaptic operations",
        "static power",
    )
    partly = on(work, chip(synaptic_operation=1e-12))
    assert partly.energy_j == pytest.approx(1e-9)
    assert partly.missing[:2] == ("neuron updates", "spikes")


def test_static_power_runs_for_every_step_of_every_inference():
    work = replace(snn(batch=4), times=1 / 4)
    estimate = on(work, chip(synaptic_operation=1e-12, static_power=0.2))
    assert estimate.energy_j == pytest.approx(0.2 * STEPS * 1e-3)


def test_sana_fe_prices_connections_by_their_kind_and_messages_by_the_placement():
    traffic = {"loihi1_sanafe": Traffic(messages=5, hops=4)}
    work = snn(1000, updates=60, spikes=7, forms={"w": "conv"}, traffic=traffic)
    estimate = on(work, load_hardware("loihi1_sanafe"))
    picojoules = 1000 * 24.0 + 60 * 72.8 + 7 * 69.3 + 5 * 111 + 4 * 4.2
    assert estimate.energy_j == pytest.approx(picojoules * 1e-12)
    assert not any("placement" in words for words in estimate.missing)
    assert any("placement" in words for words in on(snn(1), load_hardware("loihi1")).missing)


def test_cmos_neuron_updates_follow_the_model_s_cost():
    estimate = arithmetic(snn(updates=100), CMOS, PRECISIONS["int8-acc32"])
    # One multiplication, one addition and one comparison on 32-bit state.
    assert estimate.energy_j == pytest.approx(100 * (3.1 + 0.1 + 0.1) * 1e-12)


def test_ann_biases_and_rectifiers_are_additions():
    work = ann(1000, bias_adds=30, compares=20)
    estimate = arithmetic(work, CMOS, PRECISIONS["fp32"], dense=True)
    assert estimate.energy_j == pytest.approx((1000 * 4.6 + 50 * 0.9) * 1e-12)


def test_ann_passes_and_zero_skipping():
    work = ann(1000, samples=5, steps=2, passes=30)
    dense = arithmetic(work, CMOS, PRECISIONS["int8"], dense=True)
    assert dense.energy_j == pytest.approx(1000 / 10 * 30 * 0.23e-12)
    # Hardware for artificial networks multiplies, whatever comes.
    skipping = arithmetic(work, CMOS, PRECISIONS["int8"])
    assert skipping.energy_j == pytest.approx(600 / 10 * 30 * 0.23e-12)
    assert (dense.side, skipping.side) == ("ann", "ann-zero-skipping")


def test_a_processor_makes_every_connection_of_either_network():
    processor = chip(kind="processor", mac=1e-9)
    assert on(ann(1000), processor).energy_j == pytest.approx(1e-6)
    assert on(snn(5), processor).energy_j == pytest.approx(10.0)  # all 10^10 of them


def test_uncounted_operators_are_missing_from_the_total():
    work = ann(10)
    record = replace(work.record, uncounted={"aten.native_batch_norm": 3})
    estimate = arithmetic(replace(work, record=record), CMOS, PRECISIONS["fp32"], dense=True)
    assert estimate.missing[-1] == "aten.native_batch_norm (3 calls)"


@pytest.mark.parametrize(
    ("prices", "steps", "rate"),
    [
        (Prices(4.6, 0.9), 1, "5.11"),
        (Prices(4.6, 0.9), 4, "1.28"),
        (Prices(4.6, 0.9), 8, "0.64"),
        (Prices(4.6, 0.9), 25, "0.20"),
        (Prices(0.23, 0.03), 4, "1.92"),
        (Prices(0.23, 0.03), 8, "0.96"),
        (Prices(0.23, 0.03), 25, "0.31"),
        # 8-bit weight and 16-bit membrane in an 8 KB SRAM on a 64-bit bus: 1.25 pJ a byte.
        (Prices(0.23, 0.03, weight_j=1.25, state_j=5.0), 1, "0.236"),
        (Prices(0.23, 0.03, weight_j=1.25, state_j=5.0), 4, "0.059"),
    ],
)
def test_break_even_rates_in_the_literature_s_terms(prices, steps, rate):
    digits = len(rate.partition(".")[2])
    assert f"{break_even_rate(prices, Amounts(steps, 1, 1)):.{digits}f}" == rate


def test_break_even_with_graded_operations_and_neuron_updates():
    prices = Prices(4.0, 1.0, graded_j=4.0)
    assert break_even_rate(prices, Amounts(10, 50, 500)) == pytest.approx(4.0)
    assert break_even_rate(prices, Amounts(10, 50, 500, graded=400)) == pytest.approx(0.8)
    assert break_even_rate(prices, Amounts(10, 50, 500), neurons_j=1900) == pytest.approx(0.2)
    assert break_even_rate(prices, Amounts(10, 50, 500), neurons_j=2001) == 0.0
