"""Tune a deployable network of the zoo through the chip's integers, and keep what comes of it.

The graph is compiled; weights and biases train so that the integers, not the reals, have a small
loss. Item i of step s is a function of (seed, s, i) alone. Of a graph NAME.nir a folder gets, named
NAME_tuned,

    .ndp               the trained integers, in the graph's time: an output within its frame
    .nir, .toml        the graph that they stand for in real numbers. Compiled anew it gets scales
                       of its own: integers as good as these, and not the same
    _calibration.npz   the input that set the scales
    _checkpoint.safetensors   every 20 steps, from which a run that was killed goes on
    .json              the recipe, and the scores over validation data before and after
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neurodeploy.ir.array_files import read_arrays
from neurodeploy.ir.files import write_program
from neurodeploy.ir.nir_file import read_nir, write_nir
from neurodeploy.pipeline import chip_of, load, to_integers
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.denoisers import calibration_beside
from neurodeploy.zoo.fine_tuning import FineTuned, FixedNetwork, fine_tune
from neurodeploy.zoo.fine_tuning.graph import tuned_graph
from neurodeploy.zoo.models.write_spiking_s4 import write_calibration
from neurodeploy.zoo.train.batches import Batches

Levels = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class TuningRecipe:
    """What the tuned integers depend on besides graph and corpus."""

    steps: int = 300
    batch: int = 8
    seconds: float = 2.0
    lr: float = 1e-4
    seed: int = 20240301


def tune_graph(
    graph: Path,
    batches: Batches[Any],
    loss: Callable[[Tensor, Any], Tensor],
    scores: Mapping[str, Callable[[FixedNetwork], float]],
    out: Path,
    recipe: TuningRecipe,
) -> dict[str, Any]:
    """Tune `graph`, write all files into `out`, and return what .json holds.

    batches: (x, target); loss(output, target) as for `fine_tune`; scores: of the rounded and of the
    tuned network, by name. Raises what `fine_tune` raises, DataError without calibration.
    """
    calibration = read_arrays(calibration_beside(graph))["input"]
    before = FixedNetwork(to_integers(load(graph, None), chip_of("loihi2"), calibration).program)
    facts = {"recipe": asdict(recipe)} | _scored(before, scores, "rounded")
    tuned = fine_tune(
        graph,
        batches,
        loss,
        calibration=calibration,
        epochs=1,
        lr=recipe.lr,
        checkpoint=out / f"{graph.stem}_tuned_checkpoint.safetensors",
        report=lambda step, steps, value: print(f"{step}/{steps}  loss {value:.3f}", flush=True),
    )
    facts |= _scored(tuned.network, scores, "tuned")
    _write(tuned, graph, calibration, out / f"{graph.stem}_tuned.nir")
    write_text(out / f"{graph.stem}_tuned.json", json.dumps(facts, indent=2) + "\n")
    return facts


@torch.no_grad()
def _scored(
    network: FixedNetwork, scores: Mapping[str, Callable[[FixedNetwork], float]], word: str
) -> dict[str, Any]:
    return {f"{name}_{word}": score(network) for name, score in scores.items()}


def _write(tuned: FineTuned, graph: Path, calibration: Levels, path: Path) -> None:
    write_program(path.with_suffix(".ndp"), tuned.within_steps)
    nodes, manifest = read_nir(graph)
    real = tuned.compiled.real
    word = real.meta.get("discretisation")
    write_nir(path, tuned_graph(tuned, nodes, dt=real.dt, discretisation=word), manifest)
    write_calibration(path, calibration)
