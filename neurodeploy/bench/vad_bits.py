"""The detectors at 8, 6, 4 and 3 weight bits, as compiled and after fine-tuning: one table.

`python -m neurodeploy.bench.vad_bits --corpus CORPUS --graph exports/vad.nir --out FOLDER` writes
FOLDER/VARIANT_bits.json. Scores are those of `bench.detection`: the threshold comes from the
validation set; synaptic operations are counted on the test set, per mixture.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy import pipeline
from neurodeploy.bench.detection import detection_result, load_vad_sets
from neurodeploy.bench.detection_chip import FORMS, INPUT_BITS
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize import Options
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.data.vad_sets import SETS, VadData, vad_data

Array = np.ndarray[Any, np.dtype[Any]]
WIDTHS = (8, 6, 4, 3)


def scored(program: Program, val: VadData, test: VadData) -> dict[str, Any]:
    """AUC and accuracy on the test set, and synaptic operations per mixture."""
    backend = "cpu" if program.arithmetic == "fixed" else "reference"
    seen, heard = (pipeline.run(program, data.x, backend=backend) for data in (val, test))
    scores = (trace.aligned(program.outputs[0])[..., 0] for trace in (seen, heard))
    result = detection_result(val.labels, next(scores), test.labels, next(scores))
    operations = sum(s.synaptic_operations for s in heard.counts.synapses) / heard.batch
    return asdict(result) | {"synaptic_operations": operations}


def bit_rows(
    graph: Path, train: VadData, val: VadData, test: VadData, calibration: Array
) -> dict[str, dict[str, Any]]:
    """Rows "float", "8 bits", "8 bits, fine-tuned", ..."""
    from neurodeploy.zoo.train.vad_fine_tuning import fine_tune_vad

    rows = {"float": scored(pipeline.load(graph, None), val, test)}
    for bits in WIDTHS:
        options = Options(weight_bits=bits, input_bits=INPUT_BITS, form=FORMS[graph.stem])
        compiled = pipeline.compile(graph, calibration=calibration, options=options)
        rows[f"{bits} bits"] = scored(compiled.program, val, test)
        tuned = fine_tune_vad(graph, train, calibration, options, report=_say(bits))
        rows[f"{bits} bits, fine-tuned"] = scored(tuned.program, val, test)
    return rows


def _say(bits: int) -> Any:
    def report(step: int, steps: int, loss: float) -> None:
        if step % 20 == 0:
            sys.stderr.write(f"{bits} bits: step {step} of {steps}, loss {loss:.4f}\n")

    return report


def main() -> None:
    """Command line: --corpus, --graph FILE.nir, --calibration FILE.npz, --out FOLDER."""
    from neurodeploy.zoo.train.vad_fine_tuning import VadFineTuning

    parser = argparse.ArgumentParser(description="Score a detector at several weight widths.")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--calibration", type=Path, default=Path("exports/vad_calibration.npz"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    val, test = load_vad_sets(args.corpus)
    train = vad_data(args.corpus, SETS["train"], cache=args.corpus / "features" / "vad_train.npz")
    calibration = np.load(args.calibration, allow_pickle=False)["input"]
    table = {
        "test_set": asdict(SETS["test"]) | {"sha256": test.digest},
        "fine_tuning": asdict(VadFineTuning()),
        "rows": bit_rows(args.graph, train, val, test, calibration),
    }
    write_text(args.out / f"{args.graph.stem}_bits.json", json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
