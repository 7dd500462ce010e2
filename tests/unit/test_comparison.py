"""The derived twin, scores, sweeps, rails, sensitivity and the regression gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.bench.comparison import Question, run_comparison
from neurodeploy.bench.energy_records import EnergyEstimate, EnergyTerm
from neurodeploy.bench.measured import parse_measurement, read_measurement
from neurodeploy.bench.metrics import roc_auc
from neurodeploy.bench.proxies import proxies
from neurodeploy.bench.regression import changes, parse_rule, remarks
from neurodeploy.bench.scores import scores
from neurodeploy.bench.sensitivity import Sides, ratio_band, sides, tornado
from neurodeploy.bench.sweep import step_counts
from neurodeploy.bench.twin import count_program_twin
from neurodeploy.errors import ConfigError, DataError
from neurodeploy.hardware import load_hardware
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.resources import resource

from . import bench_sample as sample

torch = pytest.importorskip("torch")

CMOS = load_hardware("cmos45nm")
LIF = {"du": 1.0, "dv": 0.2, "vth": 1.0, "bias": 0.0, "v_init": 0.0}


def inputs(steps: int = sample.STEPS) -> np.ndarray:
    return np.random.default_rng(2).random((steps, sample.BATCH, 6))


def test_the_twin_of_dense_layers_does_what_torch_does():
    program = sample.program()
    x = inputs()
    record = count_program_twin(program, x, sample.STEPS)
    first, second = (torch.from_numpy(s.weights) for s in program.synapses)
    hidden = torch.relu(torch.from_numpy(x) @ first.T)
    rows = {row.name: row for row in record.layers}
    assert record.macs_per_step == 48 + 16
    assert rows["fc1"].effective.graded == 48 * sample.STEPS * sample.BATCH
    assert rows["fc2"].effective.graded == 2 * int((hidden != 0).sum())
    assert rows["hidden"].compares == 8 * sample.STEPS * sample.BATCH
    assert rows["readout"].compares == 0
    assert second.shape == (2, 8)


def conv_program(recurrent: bool = False) -> Program:
    rng = np.random.default_rng(4)
    geometry = ConvGeometry((2, 2), (1, 1), (1, 1))
    synapses = [
        Synapse("conv", "in", "a", "conv2d", rng.normal(0, 1, (3, 2, 3, 3)), geometry=geometry)
    ]
    if recurrent:
        loop = rng.normal(0, 0.1, (27, 27)) * (rng.random((27, 27)) < 0.5)
        synapses.append(Synapse("loop", "a", "a", "dense", loop, delay=1))
    neurons = (Neuron("a", (3, 3, 3), "cuba_lif", {**LIF, "bias": 0.25, "vth": 2.0}),)
    return Program("conv", "real", 1e-3, (Port("in", (2, 5, 5)),), neurons, tuple(synapses), ("a",))


def test_the_twin_of_a_convolution_counts_no_padding_and_its_bias():
    x = (np.random.default_rng(1).random((4, 2, 2, 5, 5)) < 0.3).astype(float)
    record = count_program_twin(conv_program(), x, 4)
    conv, cell = record.layers
    ones = torch.ones(1, 2, 5, 5, dtype=torch.float64)
    taps = torch.nn.functional.conv2d(ones, torch.ones(3, 2, 3, 3).double(), stride=2, padding=1)
    assert conv.dense_macs == int(taps.sum()) * 8
    reached = torch.nn.functional.conv2d(
        torch.from_numpy(x).flatten(0, 1), torch.ones(3, 2, 3, 3).double(), stride=2, padding=1
    )
    assert conv.effective.binary == int(reached.sum())  # spikes: additions
    assert conv.effective.graded == 0
    assert (cell.bias_adds, cell.compares) == (27 * 8, 27 * 8)


def test_a_recurrent_twin_is_a_recurrent_network_of_rectifiers():
    program = conv_program(recurrent=True)
    x = np.random.default_rng(1).random((5, 2, 2, 5, 5))
    loop = next(row for row in count_program_twin(program, x, 5).layers if row.name == "loop")
    kernel, weights = (torch.from_numpy(s.weights) for s in program.synapses)
    state, expected = torch.zeros(2, 27, dtype=torch.float64), 0
    fan = (weights != 0).sum(dim=0)
    for t in range(5):
        drive = torch.nn.functional.conv2d(torch.from_numpy(x[t]), kernel, stride=2, padding=1)
        expected += int(((state != 0) * fan).sum())
        state = torch.relu(drive.flatten(1) + state @ weights.T + 0.25) / 2.0
    assert loop.effective.graded == expected
    assert loop.dense_macs == 27 * 27 * 5 * 2


def test_the_twin_of_integers_is_that_of_the_real_network():
    """Rounded weights, shifted and scaled by layer, leave nearly the same rectifiers silent."""
    x = np.load(resource("exports", "digits_calibration.npz"))["input"][:, :10]
    real = pipeline.load(resource("exports", "digits.nir"), None)
    fixed = pipeline.compile(real, "loihi2", calibration=x).program
    counts = [count_program_twin(p, x, len(x)) for p in (real, fixed)]
    ours, theirs = (r.effective_macs + r.effective_acs for r in counts)
    assert counts[0].dense_macs == counts[1].dense_macs
    assert theirs == pytest.approx(ours, rel=0.03)


def test_a_still_input_takes_one_pass():
    shown = run_comparison(
        sample.program(),
        inputs(),
        [CMOS],
        provenance=sample.PROVENANCE,
        question=Question(passes="still"),
    )
    assert shown.ann is not None
    assert (shown.ann.passes, shown.ann.counts.steps) == (1, 1)
    with pytest.raises(ConfigError, match="none of stream, sequence, still"):
        run_comparison(
            sample.program(),
            inputs(),
            [CMOS],
            provenance=sample.PROVENANCE,
            question=Question(passes="some"),
        )


def test_scores_of_classes_and_of_every_step():
    output = np.zeros((4, 3, 2))
    output[0, 0, 1] = output[3, 1, 0] = output[1, 2, 1] = 5
    output[3, 2, 0] = 1
    assert scores(np.array([1, 0, 1]), output) == {"accuracy": 1.0}
    assert scores(np.array([1, 0, 1]), output, "last") == {"accuracy": pytest.approx(1 / 3)}
    labels = np.arange(12).reshape(4, 3) % 2
    found = scores(labels, output[..., :1])
    assert found == {"AUC": roc_auc(labels, output[..., 0])}
    with pytest.raises(ConfigError, match="none of sum"):
        scores(np.array([1, 0, 1]), output, "mean")


@pytest.mark.parametrize("wrong", [-1, 2, 0.5, np.nan])
def test_labels_that_are_no_classes_of_the_output_are_refused(wrong):
    with pytest.raises(DataError, match="at 1 is none of the classes; whole numbers, 0 to 1"):
        scores(np.array([1, wrong, 1]), np.zeros((4, 3, 2)))


@pytest.mark.parametrize("latency", [0.0, -1.0, np.nan, np.inf])
def test_a_latency_that_is_no_time_is_refused(latency):
    with pytest.raises(ConfigError, match="positive finite time"):
        proxies(sample.results().counts, 0.01, latency)


def test_points_of_a_sweep_end_in_the_whole_run():
    assert step_counts(20, 4) == (5, 10, 15, 20)
    assert step_counts(3, 8) == (1, 2, 3)
    labels = np.array([0, 1, 0])
    shown = run_comparison(
        sample.program(),
        inputs(),
        [CMOS],
        provenance=sample.PROVENANCE,
        question=Question(points=4, labels=labels),
    )
    spiking = [p for p in shown.points if p.side == "snn"]
    assert [p.steps for p in spiking] == [5, 10, 15, 20]
    total = next(e for e in shown.energy if e.side == "snn" and e.precision == "fp32")
    assert spiking[-1].energies["cmos45nm, fp32, arithmetic"] == pytest.approx(total.energy_j)
    assert spiking[0].energies["cmos45nm, fp32, arithmetic"] < total.energy_j / 2
    assert spiking[-1].quality == shown.quality[0].metrics


def test_a_comparison_places_the_network_and_names_the_bottleneck():
    chips = [load_hardware("loihi1"), load_hardware("loihi1_sanafe"), CMOS]
    shown = run_comparison(sample.program(), inputs(), chips, provenance=sample.PROVENANCE)
    loihi = next(c for c in shown.chips if c.hardware == "loihi1")
    assert loihi.cores == 1
    assert loihi.core_share == loihi.imbalance == 1.0
    assert loihi.real_time is True  # microseconds in steps of 10 ms
    assert {c.hardware for c in shown.chips} == {"loihi1", "loihi1_sanafe"}
    layers = {b.layer for b in shown.bottlenecks if b.hardware == "loihi1"}
    assert layers == {"hidden"}


def test_an_artificial_network_of_ones_own_is_run_and_counted():
    from neurodeploy.bench.own_ann import run_own_ann

    torch.manual_seed(1)
    module = torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2, bias=False)
    )
    x = inputs().astype(np.float32)
    own = run_own_ann(module, x, name="m.py:f")
    with torch.no_grad():
        hidden = torch.relu(module[0](torch.from_numpy(x)))
        expected = module(torch.from_numpy(x))
    assert np.array_equal(own.output, expected.numpy())
    record = own.ann.counts
    assert (own.ann.derived, own.ann.passes) == (False, sample.STEPS)
    assert record.macs_per_step == 64
    rows = {row.name: row for row in record.layers}
    assert rows["2"].effective.graded == 2 * int((hidden != 0).sum())
    assert run_own_ann(module, x[0], name="m.py:f", passes="still").ann.passes == 1
    recurrent = torch.nn.RNN(6, 4, nonlinearity="relu", bias=False)
    whole = run_own_ann(recurrent, x, name="m.py:f", passes="sequence")
    assert (whole.ann.passes, whole.ann.counts.samples) == (sample.STEPS, sample.BATCH)
    assert whole.ann.counts.macs_per_step == 6 * 4 + 4 * 4
    with torch.no_grad():
        assert np.array_equal(whole.output, recurrent(torch.from_numpy(x))[0].numpy())
    with pytest.raises(DataError, match=r"forward\(\) on \(3, 5\) raised"):
        run_own_ann(module, x[..., :5], name="m.py:f")


def test_static_power_and_real_time_of_a_chip_of_ones_own(tmp_path):
    """A system file adds a static power to a chip; steps of 1 µs are too short for it."""
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\ntitle = "Mine"\nchip = "loihi1"\n'
        '[sources]\nsheet = "a meter of ours"\n'
        '[prices.static_power]\nvalue = 100\nunit = "mW"\nsource = "sheet"\n'
        'evidence = "measured"\nscope = "per-term"\n'
    )
    fast = replace(sample.program(), dt=1e-6)
    chips = [load_hardware("loihi1"), load_hardware(path)]
    shown = run_comparison(fast, inputs(), chips, provenance=sample.PROVENANCE)
    bare, own = (e for e in shown.energy if e.side == "snn")
    assert own.energy_j - bare.energy_j == pytest.approx(0.1 * sample.STEPS * 1e-6)
    assert "static power" in bare.missing and "static power" not in own.missing
    run = next(c for c in shown.chips if c.hardware == "mine")
    assert run.real_time is False
    assert run.crossover_s * 0.1 * sample.STEPS == pytest.approx(bare.energy_j)


RAILS = "time_s,core_w,io_w,idle\n0,1,1,1\n1,1,1,1\n2,2,1,0\n3,2,1,0\n4,3,1,0\n"


def rails(tmp_path, text: str):
    path = tmp_path / "rails.csv"
    path.write_text(text)
    return path


def test_rails_are_summed_integrated_and_freed_of_idle_power(tmp_path):
    m = read_measurement(rails(tmp_path, RAILS), "snn", "loihi2", 10)
    assert (m.seconds, m.energy_j) == (2.0, pytest.approx(6.5 / 10))
    assert (m.idle_w, m.dynamic_w) == (2.0, pytest.approx(1.25))
    assert m.dynamic_j == pytest.approx(0.25)
    assert m.rails == ("core_w", "io_w")
    assert m.flags == ()


def test_negative_dynamic_power_is_kept_and_flagged(tmp_path):
    text = "time_s,watts,idle_w\n0,0.2757,0.2818\n1,0.2757,0.2818\n"
    m = parse_measurement(f"snn@loihi2={rails(tmp_path, text)}:17")
    assert m.dynamic_w == pytest.approx(-0.0061)
    assert "negative dynamic power" in m.flags[0]
    text = "\ufefftime_s,watts,idle_w\n0,1,-2\n1,1,-2\n"
    below = read_measurement(rails(tmp_path, text), "ann", "gpu", 1)
    assert below.dynamic_w == 3 and "negative idle power" in below.flags[0]
    text = "time_s,watts\n0,1\n1,1\n"
    assert "idle" in read_measurement(rails(tmp_path, text), "ann", "gpu", 1).flags[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns nothing"),
        ("watts\n1\n2\n", "time_s"),
        ("time_s,volts\n0,1\n1,1\n", "volts"),
        ("time_s,watts\n0,one\n1,1\n", "row 2"),
        ("time_s,watts\n0,1,2\n1,1\n", "row 2"),
        ("time_s,watts\n1,1\n0,1\n", "rise"),
        ("time_s,watts\n0,nan\n1,1\n", "finite"),
        ("time_s,watts,idle\n0,1,0\n1,1,1\n", "active"),
        ("time_s,idle\n0,0\n1,0\n", "no rail"),
        ("time_s,watts\n0\n1,1\n", "row 2: 1 of 2 columns"),
        ("time_s,watts,core_w\n0,2,1\n1,2,1\n", "counted twice"),
        ("time_s,watts,idle\n0,1,0.5\n1,1,0\n2,1,0\n", "0 or 1"),
        ("time_s,watts,idle,idle_w\n0,1,1,1\n1,1,0,1\n2,1,0,1\n", "no idle_w beside"),
    ],
)
def test_rails_that_cannot_be_read_say_why(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read_measurement(rails(tmp_path, text), "snn", "loihi2", 1)


@pytest.mark.parametrize("text", ["x@y=z:1", "snn@=a.csv:1", "snn@y=a.csv", "snn@y=a.csv:0"])
def test_a_measurement_is_named_in_one_form(text):
    with pytest.raises(ConfigError, match=r"not like snn@loihi2"):
        parse_measurement(text)


def test_the_band_is_that_of_all_corners():
    """Against every corner of the box of prices."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        names = [f"p{i}" for i in range(4)]
        value = {n: tuple(rng.random() * np.array([0.5, 1.0, 2.0])) for n in names}
        ann = {n: tuple(rng.integers(0, 4) * np.array(value[n])) for n in names[:3]}
        snn = {n: tuple(rng.integers(1, 4) * np.array(value[n])) for n in names[1:]}
        both = Sides(ann, snn)
        corners = [
            both.ratio(dict(zip(names, ends, strict=True)))
            for ends in np.array(np.meshgrid(*[[0, 2]] * 4)).reshape(4, -1).T
        ]
        assert ratio_band(both) == pytest.approx((min(corners), max(corners)))


def estimate(side: str, **joules: float) -> EnergyEstimate:
    terms = tuple(
        EnergyTerm("l", "synapses", n, 1, j, j, j / 2, j * 2, "s", "measured", "per-term")
        for n, j in joules.items()
    )
    total = sum(joules.values())
    return EnergyEstimate(
        side, "chip", "int8", "m", "nd", "per-term", "measured", total, 0, 0, None, terms, ()
    )


def test_the_tornado_names_the_price_that_matters_most_first():
    found = tornado(estimate("ann", mac=8.0, add=1.0), estimate("snn", ac=3.0, mac=1.0))
    assert [s.price for s in found] == ["ac", "mac", "add"]
    assert (found[0].low, found[0].high) == (9 / 7, 9 / 2.5)
    assert ratio_band(sides(estimate("ann", mac=8.0), estimate("snn", mac=1.0))) == (8.0, 8.0)


def test_the_gate_compares_per_inference(tmp_path):
    old = sample.results()
    layers = tuple(
        replace(x, synaptic_operations=x.synaptic_operations * 11 // 10) for x in old.layers
    )
    new = replace(old, layers=layers)
    wide, narrow = changes(old, new, [parse_rule("synops+11%"), parse_rule("synops+5%")])
    assert wide.holds
    assert not narrow.holds
    assert "above" in str(narrow)
    (joules,) = changes(old, new, [parse_rule("energy:cmos45nm:int8+0%")])
    assert joules.holds
    with pytest.raises(ConfigError, match="no energy on 'loihi2'"):
        changes(old, new, [parse_rule("energy:loihi2+1%")])
    with pytest.raises(ConfigError, match="counted by"):
        changes(replace(old, convention="nd-1"), new, [])


def test_the_gate_refuses_energies_of_other_terms_and_says_what_else_differs():
    old = sample.results()
    whole = tuple(replace(e, missing=(*e.missing, "spikes")) for e in old.energy)
    new = replace(old, energy=whole, network=replace(old.network, steps=2))
    with pytest.raises(ConfigError, match="only one of the two is without spikes"):
        changes(old, new, [parse_rule("energy:loihi1+5%")])
    assert changes(old, new, [parse_rule("synops+0%")])[0].holds
    assert remarks(old, old) == ()
    assert remarks(old, new) == (f"baseline: steps {old.network.steps}, now 2",)


@pytest.mark.parametrize("text", ["synops", "synops+5", "joules+5%", "synops-5%", "+5%"])
def test_a_rule_has_one_form(text):
    with pytest.raises(ConfigError, match=r"not like synops\+5%"):
        parse_rule(text)
