"""Accuracy of the trained networks at fewer weight bits, before and after fine-tuning.

    python -m benchmarks.precision --again --vad CORPUS --digits FSDD --braille BRAILLE

Whole test sets through the cpu backend; scales and calibrated rounding from the recordings in
exports/. Fine-tuning goes on with the network's own recipe for a few steps, through the chip's
integers, from the real weights. Each number is written to results/precision.json when it is there,
and what is there is not done again without --again; docs/precision.md is made of that file (alone:
--table).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.precision_table import RESULT, TABLE, table
from neurodeploy import pipeline
from neurodeploy.bench.metrics import accuracy, best_threshold
from neurodeploy.bench.provenance import provenance
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize import Options, Rounding
from neurodeploy.resources import resource
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.evaluation import EvaluationSets, evaluation_sets, share_right
from neurodeploy.zoo.fine_tuning import fine_tune
from neurodeploy.zoo.train.batches import recipe_batches

NETWORKS = ("vad", "digits", "braille")
BITS = (8, 6, 4, 3)
INPUT_BITS = {"vad": 6}  # the width of its features; the others take spikes
ROUNDINGS: dict[str, Rounding] = {"fixed": "nearest", "calibrated": "calibrated"}  # by key
STEPS = {"vad": 60, "digits": 150, "braille": 150}  # of fine-tuning
RATES = {"vad": 1e-3, "digits": 2e-3, "braille": 2e-3}  # peak learning rates


def measure(name: str, data: Path, results: dict[str, Any], bits: tuple[int, ...]) -> None:
    """Fills the network's rows in `results`, writing the file after each number."""
    graph = resource("exports", f"{name}.nir")
    identity = {
        "sha256": hashlib.sha256(graph.read_bytes()).hexdigest(),
        "steps": STEPS[name],
        "lr": RATES[name],
    }
    rows = results["networks"].get(name)
    if rows is None or rows["identity"] != identity:
        rows = results["networks"][name] = {"identity": identity, "tuned": {}}
    sets = evaluation_sets(name, data)
    if "real" not in rows:
        rows["real"] = right(graph, sets, "reference")
        rows["answers"] = int(sets.test.labels.size)
        _save(results)
    options = {str(b): Options(weight_bits=b, input_bits=INPUT_BITS.get(name, 8)) for b in bits}
    for key, rounding in ROUNDINGS.items():
        done = rows.setdefault(key, {})
        for width in (w for w in options if w not in done):
            done[width] = rounded(graph, sets, replace(options[width], rounding=rounding))
            _save(results)
    for width in (w for w in options if w not in rows["tuned"]):
        rows["tuned"][width] = tuned(name, data, sets, options[width])
        _save(results)


def right(source: Program | Path, sets: EvaluationSets, backend: str) -> float:
    """Share of right answers on the test set: recordings, or frames of a detector, whose
    threshold is the best one of the validation set."""
    val, test = (
        trace.aligned(next(iter(trace.outputs)))
        for trace in (pipeline.run(source, s.x, backend=backend) for s in (sets.val, sets.test))
    )
    if sets.test.labels.ndim == 1:
        return share_right(sets.test.labels, test)
    threshold = best_threshold(sets.val.labels, val[..., 0])
    return accuracy(sets.test.labels, test[..., 0], threshold)


def rounded(graph: Path, sets: EvaluationSets, options: Options) -> dict[str, Any]:
    """The compiled network as it is."""
    compiled = pipeline.compile(graph, "loihi2", calibration=sets.calibration, options=options)
    errors = [e for layer in compiled.layers for e in layer.weight_error.values()]
    return {
        "accuracy": right(compiled.program, sets, "cpu"),
        "largest_weight_error": max(errors),
        "disagreement": {layer.name: layer.measured for layer in compiled.layers},
    }


def tuned(name: str, data: Path, sets: EvaluationSets, options: Options) -> dict[str, Any]:
    """The network after training through the integers of this width."""
    batches, loss = recipe_batches(name, data, STEPS[name])
    start = time.perf_counter()
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        row = bar.add_task(f"{name}, {options.weight_bits} bits", total=STEPS[name])
        found = fine_tune(
            resource("exports", f"{name}.nir"),
            batches,
            loss,
            calibration=sets.calibration,
            options=options,
            epochs=1,
            lr=RATES[name],
            report=lambda step, steps, value: bar.update(row, completed=step),
        )
    seconds = time.perf_counter() - start
    return {"accuracy": right(found.program, sets, "cpu"), "seconds": round(seconds, 1)}


def _save(results: dict[str, Any]) -> None:
    write_text(RESULT, json.dumps(results, indent=2) + "\n")


def main() -> None:
    """Command line: the data of each network that is to be measured; --table for the text alone."""
    parser = argparse.ArgumentParser(description="Accuracy at fewer weight bits.")
    for name in NETWORKS:
        parser.add_argument(f"--{name}", type=Path, help="its data, as for `neurodeploy train`")
    parser.add_argument("--bits", type=int, nargs="+", default=BITS)
    parser.add_argument("--table", action="store_true", help="only make docs/precision.md again")
    parser.add_argument("--again", action="store_true", help="measure what is there already, too")
    args = parser.parse_args()
    results: dict[str, Any] = {"networks": {}}
    if RESULT.is_file() and not args.again:
        results = json.loads(RESULT.read_text(encoding="utf-8"))
    if not args.table:
        results["provenance"] = asdict(provenance("python -m benchmarks.precision"))
        for name in NETWORKS:
            if (data := getattr(args, name)) is not None:
                measure(name, data, results, tuple(args.bits))
    write_text(TABLE, table(results))


if __name__ == "__main__":
    main()
