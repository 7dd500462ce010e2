"""The road end to end on the shipped recordings, for both trained voice activity detectors.

Stage by stage: snnTorch -> NIR -> Loihi's integers -> Lava, verified at each, then quality, counts,
energy and the report. Everything printed and written comes from this run, except the rows of the
quality table that are marked as measured on the full test set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy import pipeline
from neurodeploy.agreement import (
    Difference,
    compare_integers,
    compare_rounding,
    compare_torch,
)
from neurodeploy.bench.compare import Beside, compare
from neurodeploy.bench.detection_chip import DT, FORMS, HARDWARE, INPUT_BITS
from neurodeploy.bench.energy_records import Ann
from neurodeploy.bench.metrics import accuracy, roc_auc
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.raster import sample_raster
from neurodeploy.bench.results import Quality, Results
from neurodeploy.bench.twin import TWIN, count_program_twin
from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.hardware import list_hardware, load_hardware
from neurodeploy.ir.files import read_input, write_nir, write_program
from neurodeploy.ir.trace import Trace
from neurodeploy.passes.quantize import Options
from neurodeploy.report import write_report
from neurodeploy.resources import resource
from neurodeploy.zoo.audio.logmel import LogMel
from neurodeploy.zoo.data.clips import load_clips

Array = np.ndarray[Any, np.dtype[Any]]
Say = Callable[[str], None]

DETECTION = "vad_detection.json"
CALIBRATION = "vad_calibration.npz"


@dataclass(frozen=True)
class Recordings:
    """Features `(T, B, n_mels)`, labels `(T, B)` of the shipped recordings, and their audio."""

    x: Array
    labels: Array
    audio: list[Array]


@dataclass(frozen=True)
class Road:
    """One network's run of the road."""

    name: str
    module: Any
    real: Trace
    fixed: Trace
    lava: Trace
    differences: tuple[Difference, ...]


def recordings() -> Recordings:
    """The shipped clips, cut to the shortest, with their log-mel features."""
    clips = load_clips()
    logmel = LogMel()
    steps = min(len(c.labels) for c in clips)
    features = [logmel.offline(c.audio)[:steps] for c in clips]
    labels = np.stack([c.labels[:steps] for c in clips], axis=1)
    return Recordings(np.stack(features, axis=1), labels, [c.audio for c in clips])


def run_demo(output: Path, say: Say) -> tuple[Path, ...]:
    """The whole demo; returns the report's files. Raises VerificationError if stages differ."""
    data = recordings()
    steps, batch, _ = data.x.shape
    say(f"{batch} recordings of speech in noise, {steps * DT:.1f} s each, {steps} steps of 10 ms")
    roads = [travel(name, data, output, say) for name in FORMS]
    say("quality: area under the ROC curve and accuracy per 10 ms frame")
    quality = [*clip_quality(roads, data), *test_set_quality()]
    for row in quality:
        scores = ", ".join(f"{k} {v:.3f}" for k, v in row.metrics.items())
        say(f"  {row.name}: {scores} ({row.note})")
    written: tuple[Path, ...] = ()
    for road in reversed(roads):
        results = results_of(road, roads, data, quality)
        stem = "report" if road is roads[0] else f"report_{road.name}"
        written = write_report(results, output / f"{stem}.html")
        say(_energy_line(results))
    return written


def travel(name: str, data: Recordings, output: Path, say: Say) -> Road:
    """Export, compile and run one network, checking each stage against the one before."""
    from neurodeploy.frontends.snntorch import replay
    from neurodeploy.zoo.models.vad import VARIANTS
    from neurodeploy.zoo.train.checkpoint import load_weights

    say(f"\n{name}")
    module = VARIANTS[name]()
    load_weights(resource("exports", f"{name}.safetensors"), module)
    export = pipeline.to_nir(module, data.x.shape[2:], dt=DT)
    write_nir(output / f"{name}.nir", export.graph, export.manifest)
    say(f"  snnTorch -> NIR: {len(export.graph.nodes)} nodes, {output / name}.nir")
    real = pipeline.run(output / f"{name}.nir", data.x, probe="all")
    found = _checked(compare_torch(replay(module, data.x), real), say)
    compiled = pipeline.compile(
        output / f"{name}.nir",
        HARDWARE,
        calibration=read_input(resource("exports", CALIBRATION)),
        options=Options(input_bits=INPUT_BITS, form=FORMS[name]),
    )
    write_program(output / f"{name}.ndp", compiled.program)
    fixed = pipeline.run(output / f"{name}.ndp", data.x, probe="all")
    say(
        f"  NIR -> {HARDWARE} integers: 8-bit weights, {fixed.counts.saturations} overflows in "
        f"{sum(n.neuron_updates for n in fixed.counts.neurons):,} neuron updates, "
        f"{output / name}.ndp"
    )
    rounding = [d for d in compare_rounding(real, fixed) if d.quantity == "spikes"]
    worst = max(rounding, key=lambda d: d.differing / d.compared)
    moved = worst.differing / worst.compared
    say(f"    rounding moves at most {moved:.2%} of spikes and silences: {worst.layer}")
    lava = pipeline.run(compiled.program, data.x, backend="lava", probe="all")
    say(f"  integers -> Lava (Loihi2SimCfg, fixed_pt) through {lava.route}")
    found += (*rounding, *_checked(compare_integers(fixed, lava, "lava"), say))
    return Road(name, module, real, fixed, lava, found)


def _checked(differences: tuple[Difference, ...], say: Say) -> tuple[Difference, ...]:
    """Says how many values agree; VerificationError if two that must be equal are not."""
    first = differences[0]
    total = sum(d.compared for d in differences)
    wrong = [d for d in differences if not d.agrees]
    what = ", ".join(sorted({d.quantity for d in differences}))
    count = sum(d.differing for d in wrong)
    say(f"    {first.left} = {first.right}: {count} of {total:,} values differ ({what})")
    if wrong:
        raise VerificationError(
            [
                Diagnostic(
                    f"layer {d.layer}",
                    f"{d.left} = {d.right}",
                    f"{d.differing} of {d.compared} {d.quantity} differ, first at step "
                    f"{d.first_step}, neuron {d.first_neuron}",
                )
                for d in wrong
            ]
        )
    return differences


def clip_quality(roads: Iterable[Road], data: Recordings) -> Iterable[Quality]:
    """Scores on the shipped recordings, from this run; chosen on validation."""
    from neurodeploy.zoo.models.energy_vad import energy_scores

    thresholds = {name: row["threshold"] for name, row in _detection().items()}
    note = f"{data.labels.shape[1]} shipped recordings, this run"
    for road in roads:
        for stage, trace in (("float", road.real), ("fixed", road.fixed), ("Lava", road.lava)):
            scores = trace.real(trace.program.outputs[0])[..., 0]
            metrics = {
                "AUC": roc_auc(data.labels, scores),
                "accuracy": accuracy(data.labels, scores, thresholds[f"{road.name} (torch)"]),
            }
            yield Quality(f"{road.name} {stage}", "spiking", metrics, note)
    scores = energy_scores(data.audio)[: len(data.labels)]
    metrics = {
        "AUC": roc_auc(data.labels, scores),
        "accuracy": accuracy(data.labels, scores, thresholds["energy threshold"]),
    }
    yield Quality("energy threshold", "baseline", metrics, note)


def _detection() -> dict[str, Any]:
    """Rows of the committed full test set table."""
    rows: dict[str, Any] = json.loads(resource("exports", DETECTION).read_text())["rows"]
    return rows


def test_set_quality() -> Iterable[Quality]:
    """The committed scores on the whole test set (unseen voices and noises)."""
    for name, row in _detection().items():
        metrics = {"AUC": float(row["auc"]), "accuracy": float(row["accuracy"])}
        group = "spiking" if name.startswith("vad") else "baseline"
        note = f"test set, {row['frames']:,} frames, exports/{DETECTION}"
        yield Quality(name, group, metrics, note)


def results_of(road: Road, roads: list[Road], data: Recordings, quality: list[Quality]) -> Results:
    """Counts of the fixed run beside the artificial twin's on all hardware."""
    steps = len(data.x)
    fixed = road.fixed
    twin = count_program_twin(fixed.program, data.x, steps)
    beside = Beside(
        agreement=tuple(d for r in [road, *(o for o in roads if o is not road)] for d in _named(r)),
        quality=tuple(quality),
        raster=tuple(
            sample_raster(name, fixed.aligned(f"{name}/s"))
            for name in fixed.program.order
            if not fixed.program.is_graded(name)
        ),
    )
    return compare(
        fixed.program,
        fixed.counts,
        [load_hardware(name) for name in list_hardware(systems=False)],
        provenance=provenance("neurodeploy demo"),
        ann=Ann(TWIN, True, steps, twin),
        beside=beside,
        title=f"{road.name}: voice activity detection",
    )


def _named(road: Road) -> Iterable[Difference]:
    for d in road.differences:
        yield replace(d, layer=f"{road.name}.{d.layer}")


def _energy_line(results: Results) -> str:
    network = results.network
    assert network.ann_passes is not None
    # one pass per frame; the spiking run is longer than the audio by the steps that drain it
    audio_s = network.ann_passes * network.dt_s * network.batch
    operations = sum(layer.synaptic_operations for layer in results.layers) / audio_s
    assert results.ann is not None
    macs = float(results.ann.counts.dense_macs) / audio_s
    return (
        f"{results.title}: {operations:,.0f} synaptic operations per second of audio beside "
        f"{macs:,.0f} MACs of the artificial twin"
    )
