"""Digits against an artificial network that was trained as it was: quality beside joules.

    python -m benchmarks.energy RECORDINGS [--out FOLDER]

compiles `exports/digits` at 8 bits, runs it and `benchmarks/digits_ann.py` on the test set, and
writes results/energy.json, which docs/energy.md shows; --out also gets the whole report.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from neurodeploy import pipeline
from neurodeploy.bench.comparison import Question, run_comparison
from neurodeploy.bench.own_ann import run_own_ann
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.bench.results import Results
from neurodeploy.hardware import list_hardware, load_hardware
from neurodeploy.report import write_report
from neurodeploy.report.foremost import foremost, place
from neurodeploy.resources import resource
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.evaluation import evaluation_sets
from neurodeploy.zoo.train.checkpoint import load_weights

RESULT = Path(__file__).parent / "results" / "energy.json"
COMMAND = "python -m benchmarks.energy RECORDINGS"
Record = dict[str, Any]


def measure(recordings: Path) -> Results:
    """Both networks on the 300 recordings of the official test set, on all hardware."""
    from benchmarks.digits_ann import WEIGHTS, digits_ann

    sets = evaluation_sets("digits", recordings)
    graph = resource("exports", "digits.nir")
    program = pipeline.compile(graph, "loihi2", calibration=sets.calibration).program
    module = digits_ann()
    load_weights(WEIGHTS, module)
    round_weights(module)
    name = f"{module.recurrent.hidden_size} recurrent rectifiers, weights of 8 bits"
    own = run_own_ann(module, sets.test.x, name=name, passes="sequence")
    return run_comparison(
        program,
        sets.test.x,
        [load_hardware(name) for name in list_hardware(systems=False)],
        provenance=provenance(COMMAND),
        own=own,
        question=Question(passes="sequence", labels=sets.test.labels, points=4),
        title="digits",
    )


def round_weights(module: Any) -> None:
    """Each row to 8 bits with a sign and a scale of its own, in place; activations stay real."""
    for parameter in module.parameters():
        scale = parameter.detach().abs().amax(dim=1, keepdim=True) / 127
        parameter.data = (parameter.data / scale).round() * scale


def record(results: Results) -> Record:
    """What the document shows of it."""
    ratios = {(r.hardware, r.model, r.precision, r.ann): r for r in results.ratios}
    rows = []
    for e in foremost(results):
        found = {
            side: to_json(ratios[key])
            for side in ("ann", "ann-zero-skipping")
            if (key := (e.hardware, e.model, e.precision, side)) in ratios
        }
        rows.append({"place": place(e), "spiking_j": e.energy_j, "ratios": found})
    return {
        "provenance": to_json(results.provenance),
        "quality": {q.side: q.metrics for q in results.quality},
        "ann": "" if results.ann is None else results.ann.name,
        "inferences": results.network.batch,
        "refused": list(results.refused),
        "rows": rows,
    }


def main() -> None:
    """Command line: RECORDINGS [--out FOLDER]."""
    parser = argparse.ArgumentParser(description="Digits against a trained artificial network.")
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    results = measure(arguments.recordings)
    write_text(RESULT, json.dumps(record(results), indent=1, ensure_ascii=False) + "\n")
    if arguments.out:
        write_report(results, arguments.out / "digits.html")


if __name__ == "__main__":
    main()
