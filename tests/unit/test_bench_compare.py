"""compare, the results file and the raster sample."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from neurodeploy.bench.compare import compare
from neurodeploy.bench.counting.convention import Convention
from neurodeploy.bench.energy_models.arithmetic import PRECISIONS
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.raster import sample_raster
from neurodeploy.bench.results import SCHEMA, read_results, write_results
from neurodeploy.errors import ConfigError, DataError
from neurodeploy.hardware import load_hardware

from . import bench_sample as sample


@pytest.fixture(scope="module")
def results():
    return sample.results()


def test_layers_repeat_the_counts_of_the_run(results):
    counts = sample.trace(sample.program()).counts
    hidden, readout = results.layers
    assert hidden.synaptic_operations == counts.synapses[0].synaptic_operations
    assert hidden.messages == "graded"
    assert hidden.connections == 48
    assert readout.messages == "binary"
    # Every synapse of the hidden layer that fired reached both read-outs.
    assert readout.synaptic_operations == 2 * hidden.spikes
    assert readout.input_rate == pytest.approx(hidden.rate)
    assert readout.rate is None
    assert readout.spikes_per_synapse == pytest.approx(hidden.rate * sample.STEPS)


def test_energy_terms_sum_to_the_totals_and_every_joule_has_a_source(results):
    for estimate in results.energy:
        priced = [t for t in estimate.terms if t.energy_j is not None]
        assert all(t.source and t.evidence and t.scope for t in priced)
        if estimate.energy_j is not None:
            assert sum(t.energy_j for t in priced) == pytest.approx(estimate.energy_j)


def test_the_graded_first_layer_is_macs_and_not_additions(results):
    snn = next(e for e in results.energy if e.side == "snn" and e.precision == "fp32")
    ops = {t.layer: t.term for t in snn.terms if t.group == "synapses"}
    assert ops == {"hidden": "mac", "readout": "ac"}


def test_ratios_never_mix_and_cover_both_artificial_sides(results):
    keys = {(r.hardware, r.model, r.precision, r.ann) for r in results.ratios}
    sides = ("ann", "ann-zero-skipping")
    bare = {("cmos45nm", "arithmetic", p, s) for p in PRECISIONS for s in sides}
    memory = ("cmos45nm", "memory-aware", "int32", "ann")
    assert keys == bare | {memory, ("gpu_2015", "processor", "on-processor", "ann")}
    assert not any(r.forced or r.against for r in results.ratios)


def estimate(results, side):
    return next(e for e in results.energy if e.side == side and e.precision == "fp32")


def test_at_the_break_even_rate_both_totals_are_equal(results):
    alone = next(b for b in results.break_even if b.name == "fp32, arithmetic alone")
    snn, ann = estimate(results, "snn"), estimate(results, "ann")
    graded = sum(t.energy_j for t in snn.terms if t.term == "mac")
    neurons = sum(t.energy_j for t in snn.terms if t.group == "neurons")
    products = sum(t.energy_j for t in ann.terms if t.group == "synapses")
    beside = sum(t.energy_j for t in ann.terms if t.group == "neurons")
    assert beside > 0
    connections = results.layers[1].connections
    spikes = sample.STEPS * connections * 0.9e-12
    assert graded + alone.rate * spikes == pytest.approx(products)
    assert graded + neurons + alone.rate_with_neurons * spikes == pytest.approx(products + beside)
    assert alone.network_rate == pytest.approx(results.layers[1].input_rate)


def test_every_hardware_with_prices_has_its_line(results):
    names = [b.name for b in results.break_even]
    assert sum("loihi1" in name for name in names) == 1
    assert not any("loihi2" in name for name in names)
    assert sum("truenorth" in name for name in names) == 1
    assert len(names) == 7
    margins = results.break_even[0].margins
    own = results.layers[1].input_rate
    assert margins == {"readout": pytest.approx(results.break_even[0].rate / own)}


def test_different_layers_of_the_two_networks_are_remarked():
    network = sample.program()
    counts = sample.trace(network).counts
    record = sample.ann().counts
    other = replace(sample.ann(), counts=replace(record, layers=record.layers[:1]))
    shown = compare(network, counts, [], provenance=sample.PROVENANCE, ann=other)
    assert any("48 MACs" in text and "64 connections" in text for text in shown.caveats)


def test_conventions_must_match():
    network = sample.program()
    counts = sample.trace(network).counts
    args = (network, counts, [load_hardware("cmos45nm")])
    padded = replace(sample.ann().counts, convention=Convention(padding="in"))
    with pytest.raises(ConfigError, match="padding=in"):
        compare(*args, provenance=sample.PROVENANCE, ann=replace(sample.ann(), counts=padded))
    with pytest.raises(ConfigError, match="not at least 1"):
        compare(*args, provenance=sample.PROVENANCE, ann=replace(sample.ann(), passes=0))


def test_results_come_back_from_their_file_unchanged(results, tmp_path):
    path = write_results(results, tmp_path / "new" / "results.json")
    assert read_results(path) == results
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]


def test_provenance_knows_this_machine():
    record = provenance("a command")
    assert record.versions["numpy"] == np.__version__
    assert int(record.machine["cores"]) >= 1


DAMAGES = [
    (lambda d: d.update(schema="neurodeploy.results/0"), "results/0"),
    (lambda d: d.pop("network"), "network .*missing"),
    (lambda d: d["network"].update(steps="20"), "network.steps .*'20' is not int"),
    (lambda d: d["network"].update(steps=True), "network.steps .*True is not int"),
    (lambda d: d["layers"][1].update(size=None), r"layers\[1\].size"),
    (lambda d: d.update(layers={}), "layers .*array"),
    (lambda d: d["raster"][0].update(events=[[1, 2, 3]]), "array of 2"),
    (lambda d: d.update(surprise=1), "surprise .*unknown key"),
    (lambda d: d.update(energy=[[]]), r"energy\[0\] .*object"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_a_damaged_file_says_where(results, tmp_path, damage, words):
    path = write_results(results, tmp_path / "results.json")
    data = json.loads(path.read_text())
    damage(data)
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match=words):
        read_results(path)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"schema": 1}', "\udcff"])
def test_what_is_no_results_file_is_refused(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError):
        read_results(path)


def test_all_damages_in_one_error(results, tmp_path):
    path = write_results(results, tmp_path / "results.json")
    data = json.loads(path.read_text())
    data["network"]["steps"] = data["network"]["batch"] = None
    path.write_text(json.dumps(data))
    with pytest.raises(DataError) as caught:
        read_results(path)
    assert len(caught.value.diagnostics) == 2


def test_schema_is_in_the_file(results, tmp_path):
    path = write_results(results, tmp_path / "results.json")
    assert json.loads(path.read_text())["schema"] == SCHEMA


def test_raster_shows_evenly_spaced_neurons_and_their_spikes():
    spikes = np.zeros((50, 2, 10, 10), dtype=np.int64)
    spikes[7, 1, 0, 0] = spikes[9, 1, 9, 9] = spikes[30, 1, 9, 9] = 1
    shown = sample_raster("layer", spikes, sample=1, max_neurons=4, max_steps=20)
    assert shown.neurons == (0, 33, 66, 99)
    assert shown.events == ((7, 0), (9, 3))
    assert (shown.size, shown.steps) == (100, 20)
