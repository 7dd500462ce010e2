"""Hardware descriptions: the shipped files and what a wrong file says."""

from __future__ import annotations

import re

import pytest

from neurodeploy.errors import ConfigError
from neurodeploy.hardware import PRICES, list_hardware, load_hardware, weakest_evidence

GOOD = """
name = "mychip"
title = "My chip"
kind = "spiking"
[sources]
sheet = "My data sheet"
[prices.synaptic_operation]
value = 2.5
unit = "nJ"
source = "sheet"
evidence = "measured"
scope = "per-term"
"""


def problems(tmp_path, text: str) -> list[str]:
    path = tmp_path / "chip.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_hardware(path)
    return [str(d) for d in caught.value.diagnostics]


@pytest.mark.parametrize("name", list_hardware())
def test_shipped_files_load_and_every_number_has_a_pedigree(name):
    assert name in list_hardware()
    hardware = load_hardware(name)
    assert hardware.name == name
    entries = [*hardware.limits.values(), *hardware.prices.values(), *hardware.references.values()]
    assert entries
    assert all(len(q.source) > 20 and q.unit and q.evidence for q in entries)


def test_loihi_1_prices_are_those_of_the_paper_exactly():
    loihi = load_hardware("loihi1")
    printed = {
        "synaptic_operation": 23.6e-12,
        "neuron_update": 81e-12,
        "neuron_update_inactive": 52e-12,
        "spike": 1.7e-12,
        "hop_east_west": 3.0e-12,
        "hop_north_south": 4.0e-12,
        "learning_update": 120e-12,
    }
    assert {term: q.value for term, q in loihi.prices.items()} == printed
    assert loihi.unpriced == ("static_power",)


def test_loihi_2_prices_nothing_and_says_so():
    loihi = load_hardware("loihi2")
    assert loihi.price("synaptic_operation") is None
    assert set(loihi.unpriced) == set(PRICES["spiking"])
    assert loihi.references["pilotnet_snn_total"].value == 1.661e-3


@pytest.mark.parametrize(
    ("chip", "term", "value"),
    [
        ("loihi1_sanafe", "synaptic_operation_conv", 24.0e-12),
        ("loihi1_sanafe", "neuron_update", 72.8e-12),
        ("truenorth", "synaptic_operation", 26e-12),
        ("spinnaker1", "synaptic_operation", 13.3e-9),
        ("spinnaker2_prototype", "neuron_update", 2.19e-9),
        ("spinnaker2", "synaptic_operation", 10e-12),
        ("seneca", "synaptic_operation", 2.8e-12),
        ("seneca_instructions", "synaptic_operation", (3.7 + 3.7 + 1.4 + 3.9) * 1e-12),
        ("odin", "synaptic_operation", 12.7e-12),
        ("reckon", "synaptic_operation", 5.3e-12),
        ("darwin3", "synaptic_operation", 5.47e-12),
        ("cpu_2015", "mac", 8.6e-9),
        ("gpu_2015", "mac", 0.3e-9),
        ("arm_2015", "mac", 0.9e-9),
    ],
)
def test_published_prices(chip, term, value):
    price = load_hardware(chip).price(term)
    assert price is not None
    assert price.value == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("chip", ["loihi2", "xylo", "speck", "brainscales2", "arduino_nano33ble"])
def test_chips_with_measured_workloads_alone_price_nothing(chip):
    hardware = load_hardware(chip)
    assert not hardware.prices
    assert hardware.references


def test_an_all_in_chip_leaves_nothing_unpriced():
    assert load_hardware("truenorth").is_all_in
    assert load_hardware("truenorth").unpriced == ()


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("weight_bits", 8),
        ("decay_bits", 12),
        ("vth_bits", 17),
        ("bias_mant_bits", 13),
        ("bias_exp_bits", 3),
        ("state_bits", 24),
        ("delay_max", 63),
        ("weight_exp_min", -8),
        ("weight_exp_max", 7),
    ],
)
def test_arithmetic_limits_of_both_generations(limit, value):
    assert load_hardware("loihi1").limits[limit].value == value
    assert load_hardware("loihi2").limits[limit].value == value


def test_derived_cmos_prices_are_the_sums_they_claim():
    prices = {term: q.value for term, q in load_hardware("cmos45nm").prices.items()}
    for number in ("fp32", "fp16", "int32", "int8"):
        total = prices[f"{number}_multiply"] + prices[f"{number}_add"]
        assert prices[f"{number}_mac"] == pytest.approx(total)
        assert prices[f"{number}_ac"] == prices[f"{number}_add"]
    assert prices["int8_acc32_mac"] == pytest.approx(prices["int8_multiply"] + prices["int32_add"])
    assert prices["int8_acc32_ac"] == prices["int32_add"]


def test_a_users_own_file_in_units_of_its_source(tmp_path):
    path = tmp_path / "chip.toml"
    path.write_text(GOOD)
    price = load_hardware(path).price("synaptic_operation")
    assert price is not None
    assert (price.value, price.unit, price.source) == (2.5e-9, "J", "My data sheet")


def test_an_unknown_term_is_a_bug_and_not_an_unpriced_one():
    with pytest.raises(KeyError):
        load_hardware("loihi1").price("synaptic_operations")


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"loihi3 .*known are .*cmos45nm, .*loihi1, .*loihi2"):
        load_hardware("loihi3")


def test_missing_file():
    with pytest.raises(ConfigError, match="no such file"):
        load_hardware("nowhere/chip.toml")


def test_all_problems_of_a_file_in_one_error(tmp_path):
    bad = """
name = "bad"
title = 3
kind = "spiking"
colour = "red"
[sources]
sheet = ""
[limits.weight_bits]
value = "eight"
unit = "bit"
source = "sheet"
evidence = "documented"
[prices.synaptic_operation]
value = -1
unit = "pJ"
source = "elsewhere"
evidence = "guess"
[prices.synop]
value = 1
[prices.spike]
value = 1
unit = "W"
source = "sheet"
evidence = "measured"
scope = "per-term"
"""
    found = problems(tmp_path, bad)
    expected = [
        "title is 3, not text",
        "unknown key 'colour'",
        "a source is a citation",
        "value is 'eight', not a finite number",
        "a price of -1",
        "'elsewhere' is not listed",
        "evidence 'guess'",
        "scope '' is not one of",
        "prices.synop [hardware-entry]: unknown key",
        "unit 'W' where 'J' is meant",
    ]
    for words in expected:
        assert any(words in line for line in found), words
    assert len(found) == len(expected)


def with_(entry: str) -> str:
    return GOOD.replace('scope = "per-term"', f'scope = "per-term"\n{entry}')


@pytest.mark.parametrize("range_", ["low = 3", "high = 2", "low = 2.9\nhigh = 2.6"])
def test_a_price_lies_within_its_own_range(tmp_path, range_):
    assert problems(tmp_path, with_(range_)) == [
        "chip.toml: prices.synaptic_operation [hardware-entry]: low, value and high are not in "
        "this order"
    ]


def test_an_all_in_price_with_further_terms_is_refused(tmp_path):
    further = GOOD.split("[sources]")[1].split('"My data sheet"')[1]
    hop = further.replace("synaptic_operation", "hop_east_west")
    text = GOOD.replace("per-term", "all-in")
    assert "prices of hop_east_west beside it" in problems(tmp_path, text + hop)[0]


def test_sources_carry_links_to_every_number(tmp_path):
    entry = 'sheet = { text = "My data sheet", link = "https://example.org/sheet" }'
    path = tmp_path / "chip.toml"
    path.write_text(GOOD.replace('sheet = "My data sheet"', entry))
    price = load_hardware(path).price("synaptic_operation")
    assert price is not None
    assert (price.source, price.link) == ("My data sheet", "https://example.org/sheet")
    assert (
        "https://"
        in problems(
            tmp_path, GOOD.replace('"My data sheet"', '{ text = "x", link = "javascript:1" }')
        )[0]
    )


def test_a_number_that_python_prints_with_an_exponent(tmp_path):
    path = tmp_path / "chip.toml"
    path.write_text(GOOD.replace("2.5", "0.000015"))
    assert load_hardware(path).prices["synaptic_operation"].value == 1.5e-14


@pytest.mark.parametrize("key", ["value", "unit", "source", "evidence"])
def test_a_missing_part_of_an_entry_is_named(tmp_path, key):
    text = re.sub(rf"^{key} = .*$", "", GOOD, flags=re.MULTILINE)
    assert any(f"{key} is missing" in line for line in problems(tmp_path, text))


@pytest.mark.parametrize("value", ["0", "nan", "inf", "true"])
def test_prices_are_positive_numbers(tmp_path, value):
    assert problems(tmp_path, GOOD.replace("value = 2.5", f"value = {value}"))


def test_broken_toml_is_one_line(tmp_path):
    assert len(problems(tmp_path, "name = [")) == 1


def test_a_sum_of_grades_is_as_weak_as_its_weakest():
    assert weakest_evidence(("measured", "derived", "simulated")) == "derived"
    assert weakest_evidence(()) == ""


def test_a_system_has_its_chips_numbers_but_for_its_own():
    chip, system = load_hardware("loihi2"), load_hardware("hala_point")
    assert (system.chip, system.kind) == ("loihi2", "spiking")
    assert system.limit("chips") * system.limit("cores_per_chip") == 140_544
    own = {"chips", "cores_per_chip"}
    assert {n: q for n, q in system.limits.items() if n not in own} == {
        n: q for n, q in chip.limits.items() if n not in own
    }
    assert "hala_point" in list_hardware() and "hala_point" not in list_hardware(systems=False)


def test_a_system_of_a_chip_that_is_none_is_refused(tmp_path):
    text = 'name = "s"\ntitle = "S"\nchip = "hala_point"\n'
    assert "is a system itself" in problems(tmp_path, text)[0]
    assert "unknown hardware" in problems(tmp_path, text.replace("hala_point", "loihi9"))[0]
    assert "names itself" in problems(tmp_path, text.replace("hala_point", "chip"))[0]
    assert "leave it out" in problems(tmp_path, text + 'kind = "cmos"')[0]


def test_a_chip_without_cores_is_none(tmp_path):
    limit = (
        '[limits.cores_per_chip]\nvalue = 0\nunit = "1"\nsource = "sheet"\nevidence = "measured"\n'
    )
    assert "at least 1" in problems(tmp_path, GOOD + limit)[0]
