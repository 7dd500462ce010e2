"""The count record: what each convention makes of the same facts."""

from __future__ import annotations

import itertools

import pytest

from neurodeploy.bench.counting.convention import CHOICES, VERSION, Convention
from neurodeploy.bench.counting.record import TORCH, ByValue, CountRecord, LayerCount
from neurodeploy.bench.records import from_json, to_json
from neurodeploy.errors import ConfigError

CONV = LayerCount(
    "conv",
    "conv",
    dense_macs=900,
    padding_taps=100,
    effective=ByValue(10, 5, 3, 7, 50),
    zero_weights=ByValue(1, 0, 2, 4, 8),
    outputs=20,
)
NORM = LayerCount("norm", "batch_norm", outputs=20, multiplies=20, adds=20, folds_into="conv")
RECORD = CountRecord(Convention(), 2, 5, TORCH, (CONV, NORM))


@pytest.mark.parametrize(
    ("choices", "dense", "macs", "acs", "adds"),
    [
        ({}, 900, 50, 18, 20),
        ({"padding": "in"}, 1000, 50, 18, 20),
        ({"zero_weights": "counted"}, 900, 58, 21, 20),
        ({"integers": "macs"}, 900, 53, 15, 20),
        ({"integers": "repeated"}, 900, 50, 22, 20),
        ({"batch_norm": "folded"}, 900, 50, 18, 20),
        ({"batch_norm": "folded", "bias": "in"}, 920, 70, 18, 0),
    ],
)
def test_a_convention_adds_the_facts_up(choices, dense, macs, acs, adds):
    read = RECORD.by(Convention(**choices))
    assert (read.dense_macs, read.effective_macs, read.effective_acs) == (dense, macs, acs)
    assert read.element_adds == adds
    assert read.macs_per_step == dense / 10


def test_every_convention_has_its_own_id_and_is_read_back_from_it():
    conventions = [
        Convention(**dict(zip(CHOICES, chosen, strict=True)))
        for chosen in itertools.product(*CHOICES.values())
    ]
    assert len({c.id for c in conventions}) == len({c.text for c in conventions}) == 192
    assert all(Convention.parse(c.id) == c for c in conventions)
    assert Convention().id == VERSION


@pytest.mark.parametrize("text", ["nd-1", "nd-2(padding=out)", "nd-2(colour=red)", "", "nd-2()"])
def test_other_ids_are_refused(text):
    with pytest.raises(ConfigError):
        Convention.parse(text)


@pytest.mark.parametrize("other", [Convention(unit="call"), Convention(means="folded")])
def test_what_was_decided_while_counting_cannot_change_afterwards(other):
    with pytest.raises(ConfigError, match="count again"):
        RECORD.by(other)


def test_a_choice_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="padding"):
        Convention(padding="maybe")


def test_a_record_survives_its_json():
    assert from_json(CountRecord, to_json(RECORD), "record") == RECORD
