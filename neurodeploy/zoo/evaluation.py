"""What the networks of exports/ are measured on: their input and the right answers, by name.

    sets = evaluation_sets("digits", Path("free-spoken-digit-dataset/recordings"))
    trace = pipeline.run(program, sets.test.x, backend="cpu")

The same arrays go to every backend, so that whole test sets can be compared integer by integer.
Data: as for `neurodeploy train` (vad: the corpus, digits: a folder, braille: a file). No torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.ir.array_files import read_arrays
from neurodeploy.resources import resource
from neurodeploy.zoo.calibration import DATA_SETS
from neurodeploy.zoo.data.sequences import decide
from neurodeploy.zoo.data.vad_sets import SETS, vad_data

Array = npt.NDArray[Any]
DETECTORS = ("vad", "vad_zero")


@dataclass(frozen=True)
class Labelled:
    """Input x (T, B, N); labels (B,) classes, or (T, B) speech or not."""

    x: Array
    labels: Array


@dataclass(frozen=True)
class EvaluationSets:
    """calibration (T, B, N): input that sets a compiler's scales, none of it from the test set."""

    calibration: Array
    val: Labelled
    test: Labelled


def evaluation_sets(name: str, data: Path) -> EvaluationSets:
    """The sets of vad, vad_zero, digits or braille; raises what their readers raise."""
    calibration = shipped_calibration(name)
    if name in DETECTORS:
        val, test = (
            vad_data(data, SETS[which], cache=data / "features" / f"vad_{which}.npz")
            for which in ("val", "test")
        )
        return EvaluationSets(
            calibration, Labelled(val.x, val.labels), Labelled(test.x, test.labels)
        )
    source = DATA_SETS[name]
    split = source.read(data)
    seen, unseen = (Labelled(source.encode(s.levels), s.labels) for s in (split.val, split.test))
    return EvaluationSets(calibration, seen, unseen)


def shipped_calibration(name: str) -> Array:
    """Input (T, B, N) that lies beside the network in exports/; ConfigError for another name."""
    if name not in (*DETECTORS, *DATA_SETS):
        known = ", ".join((*DETECTORS, *DATA_SETS))
        raise ConfigError(Diagnostic("network", "name", f"{name!r} is not one of {known}"))
    file = "vad_calibration.npz" if name in DETECTORS else f"{name}_calibration.npz"
    return read_arrays(resource("exports", file))["input"]


def share_right(labels: Array, readout: Array) -> float:
    """Of classes (B,) that `decide` finds in the read-out (T, B, C)."""
    return float(np.mean(decide(readout) == labels))
