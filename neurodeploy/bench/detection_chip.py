"""The detectors on the chip's integers: rows for the table of `bench.detection`.

Each network is exported and compiled on a piece of the validation set; the fixed Program is scored
on both sets by the reference backend, the same Program by Lava on the test set. Lava's integers
must equal the reference's: VerificationError otherwise, so that a row named Lava is Lava's own.

`python -m neurodeploy.bench.detection_chip --corpus CORPUS --weights FILE ... --out FOLDER` writes
the whole table (vad_detection.json) and the piece of the validation set's features that calibrates
(vad_calibration.npz), with the credits of its recordings (vad_calibration.md).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy import pipeline
from neurodeploy.agreement import difference
from neurodeploy.bench.detection import (
    DetectionResult,
    detection_result,
    detection_table,
    load_vad_sets,
)
from neurodeploy.errors import Diagnostic, VerificationError, errors_as_lines
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize import Form, Options
from neurodeploy.whole_files import write_text, write_whole
from neurodeploy.zoo.data.credits import credits_of, is_free
from neurodeploy.zoo.data.manifest import MANIFEST, Recording, read_manifest
from neurodeploy.zoo.data.vad_sets import SETS, VadData, draw_set

Array = np.ndarray[Any, np.dtype[Any]]

DT = 0.01
HARDWARE = "loihi2"
INPUT_BITS = 6
FORMS: dict[str, Form] = {"vad": "chip", "vad_zero": "netx"}
# Lava's inputs travel by file and its records stay in memory: a batch of this many at a time.
LAVA_BATCH = 20
CALIBRATION_MIXTURES = 12


def compiled_detector(variant: str, weights: Path, calibration: Array) -> Program:
    """The trained network as the fixed Program that the demo deploys."""
    from neurodeploy.zoo.models.vad import VARIANTS
    from neurodeploy.zoo.train.checkpoint import load_weights

    module = VARIANTS[variant]()
    load_weights(weights, module)
    graph = pipeline.to_nir(module, calibration.shape[2:], dt=DT).graph
    options = Options(input_bits=INPUT_BITS, form=FORMS[variant])
    return pipeline.compile(
        graph, HARDWARE, calibration=calibration, dt=DT, options=options
    ).program


def calibration_piece(corpus: Path, val: VadData) -> tuple[Array, str]:
    """Features `(T, B, n_mels)` of the first freely licensed validation mixtures, and their credits
    as Markdown."""
    known = {r.path: r for r in read_manifest(corpus / MANIFEST)}
    chosen: list[int] = []
    heard: list[Recording] = []
    for index, spec in enumerate(draw_set(corpus, SETS["val"])):
        used = [known[e.path] for e in (*spec.speech, spec.noise)]
        if len(chosen) < CALIBRATION_MIXTURES and all(map(is_free, used)):
            heard += used
            chosen.append(index)
    return val.x[:, chosen], credits_of("Recordings whose features calibrate the detectors", heard)


def chip_results(
    variant: str,
    weights: Path,
    val: VadData,
    test: VadData,
    calibration: Array,
    *,
    lava_mixtures: int,
) -> dict[str, DetectionResult]:
    """Rows "VARIANT (fixed)" and, on the first `lava_mixtures` of the test set, Lava's."""
    program = compiled_detector(variant, weights, calibration)
    seen, fixed = (
        pipeline.run(program, data.x).aligned(program.outputs[0])[..., 0] for data in (val, test)
    )
    rows = {f"{variant} (fixed)": detection_result(val.labels, seen, test.labels, fixed)}
    if lava_mixtures:
        lava, route = _lava_output(program, test.x[:, :lava_mixtures])
        _require_equal(variant, fixed[:, :lava_mixtures], lava)
        labels = test.labels[:, :lava_mixtures]
        rows[f"{variant} ({route})"] = detection_result(val.labels, seen, labels, lava)
    return rows


def _lava_output(program: Program, x: Array) -> tuple[Array, str]:
    parts = []
    route = ""
    for start in range(0, x.shape[1], LAVA_BATCH):
        trace = pipeline.run(program, x[:, start : start + LAVA_BATCH], backend="lava")
        parts.append(trace.aligned(program.outputs[0])[..., 0])
        route = trace.route
    return np.concatenate(parts, axis=1), route


def _require_equal(variant: str, fixed: Array, lava: Array) -> None:
    found = difference(
        ("fixed", "lava"), variant, "v", (fixed[..., None], lava[..., None]), exact=True
    )
    if found.differing:
        detail = f"{found.differing} of {found.compared} read-out integers differ"
        raise VerificationError(Diagnostic(variant, "fixed = lava", detail))


def write_table(
    corpus: Path, weights: dict[str, Path], out: Path, *, lava_mixtures: int
) -> dict[str, Any]:
    """All detectors in torch, on the integers and on Lava, beside the baselines, as JSON."""
    val, test = load_vad_sets(corpus)
    piece, credits = calibration_piece(corpus, val)
    write_whole(out / "vad_calibration.npz", lambda file: np.savez_compressed(file, input=piece))
    write_text(out / "vad_calibration.md", credits)
    table = detection_table(corpus, weights)
    rows: dict[str, Any] = {}
    for variant, file in weights.items():
        rows[f"{variant} (torch)"] = table["rows"].pop(f"{variant} (torch)")
        chip = chip_results(variant, file, val, test, piece, lava_mixtures=lava_mixtures)
        rows |= {name: asdict(row) for name, row in chip.items()}
    table["rows"] = rows | table["rows"]
    write_text(out / "vad_detection.json", json.dumps(table, indent=2) + "\n")
    return table


def main() -> None:
    """Command line: --corpus, --weights FILE ... (named after their variant), --out FOLDER."""
    parser = argparse.ArgumentParser(description="Score detectors in torch, integers and Lava.")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lava-mixtures", type=int, default=160)
    args = parser.parse_args()
    weights = {file.stem: file for file in args.weights}
    write_table(args.corpus, weights, args.out, lava_mixtures=args.lava_mixtures)


if __name__ == "__main__":
    with errors_as_lines():
        main()
