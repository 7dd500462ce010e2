"""Whole test sets on the compiled backend and on Lava: seconds, accuracy, the same integers.

python -m benchmarks.test_sets digits=RECORDINGS vad=CORPUS [--samples 50]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy import pipeline
from neurodeploy.backends import cpu, lava
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.resources import resource
from neurodeploy.whole_files import write_whole
from neurodeploy.zoo.data.sequences import decide
from neurodeploy.zoo.evaluation import EvaluationSets, evaluation_sets

RESULT = Path(__file__).parent / "results" / "test_sets.json"
HARDWARE = "loihi2"


def measure(name: str, data: Path, samples: int | None) -> dict[str, Any]:
    """Both simulators on the first `samples` of the test set (None: all of them).

    Raises AssertionError if one integer of the read-out differs.
    """
    sets = evaluation_sets(name, data)
    graph = resource("exports", f"{name}.nir")
    program = pipeline.compile(graph, HARDWARE, calibration=sets.calibration).program
    x = sets.test.x[:, :samples]
    cpu.run(program, x[:2])  # compiled, or loaded
    begin = time.perf_counter()
    ours = cpu.run(program, x)
    middle = time.perf_counter()
    theirs = lava.run(program, x)
    end = time.perf_counter()
    np.testing.assert_array_equal(ours.output, theirs.output)
    return {
        "network": name,
        "samples": x.shape[1],
        "of": sets.test.x.shape[1],
        "steps": ours.steps,
        "cpu_s": middle - begin,
        "lava_s": end - middle,
        "route": theirs.route,
        "accuracy": _accuracy(sets, ours.output[program.depth :]),
        "load": os.getloadavg()[0],
    }


def _accuracy(sets: EvaluationSets, readout: np.ndarray[Any, Any]) -> float | None:
    """Of classes; None where every step has a label of its own."""
    labels = sets.test.labels[: readout.shape[1]]
    return float(np.mean(decide(readout) == labels)) if labels.ndim == 1 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="+", metavar="NETWORK=DATA")
    parser.add_argument("--samples", type=int, help="of each test set; all if not given")
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    pairs = [given.partition("=") for given in options.sets]
    found = [measure(name, Path(data), options.samples) for name, _, data in pairs]
    record = {"run": to_json(provenance("python -m benchmarks.test_sets")), "sets": found}
    text = json.dumps(record, indent=1) + "\n"
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(options.output, lambda partial: partial.write_text(text, encoding="utf-8"))
    print(text)


if __name__ == "__main__":
    main()
