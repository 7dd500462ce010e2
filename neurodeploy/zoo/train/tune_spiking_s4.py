"""Fine-tune the deployable enhancer through the chip's integers (quantization-aware training).

    python -m neurodeploy.zoo.train.tune_spiking_s4 FOLDER/spiking_s4_loihi.nir --corpus CORPUS
        --out FOLDER [--steps 300]

The graph is compiled; weights and biases train so that the integers, not the reals, have a small
loss, which is that of the second stage of training: perceptual distance and SI-SNR. Mixture i of
step s is a function of (seed, s, i) alone. FOLDER gets, named spiking_s4_loihi_tuned,

    .ndp               the trained integers, in the graph's time: a mask within its frame
    .nir, .toml        the graph that they stand for in real numbers. Compiled anew it gets scales
                       of its own: integers as good as these, and not the same
    _calibration.npz   the input that set the scales
    .json              the recipe, and SI-SNR over the validation mixtures before and after
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurodeploy.ir.array_files import read_arrays
from neurodeploy.ir.files import write_program
from neurodeploy.ir.nir_file import read_nir, write_nir
from neurodeploy.pipeline import chip_of, load, to_integers
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.torch_stft import Stft
from neurodeploy.zoo.data.noisy_speech import Pair, open_pool
from neurodeploy.zoo.denoisers import CHIP_STFT, calibration_beside
from neurodeploy.zoo.fine_tuning import FixedNetwork, fine_tune
from neurodeploy.zoo.fine_tuning.graph import tuned_graph
from neurodeploy.zoo.models.masking import log_levels
from neurodeploy.zoo.models.write_spiking_s4 import write_calibration
from neurodeploy.zoo.train.enhancement import (
    EnhancementRecipe,
    stacked,
    training_pair,
    validation_pairs,
)
from neurodeploy.zoo.train.perceptual_distance import PerceptualDistance
from neurodeploy.zoo.train.si_snr import si_snr

NAME = "spiking_s4_loihi_tuned"


@dataclass(frozen=True)
class TuningRecipe:
    """What the tuned integers depend on besides graph and corpus."""

    steps: int = 300
    batch: int = 8
    seconds: float = 2.0
    lr: float = 1e-4
    perceptual: float = 5.0  # weight of the perceptual distance, dB per MOS
    seed: int = 20240301


class Target:
    """What the loss needs of a batch besides the network's output."""

    def __init__(self, pairs: list[Pair]) -> None:
        self._stft = Stft(CHIP_STFT)
        noisy, self.clean = stacked(pairs)
        self._spectrum = self._stft.analysis(noisy)

    @property
    def features(self) -> np.ndarray[Any, Any]:
        """(L, B, bins, 1)."""
        return log_levels(self._spectrum.abs()).transpose(0, 1)[..., None].numpy()

    def enhanced(self, output: Tensor) -> Tensor:
        """The audio (B, samples) that o (L, B, bins, 1) leaves."""
        o = output[..., 0].transpose(0, 1).to(torch.float32)
        mask = torch.relu(1.0 + o)
        return self._stft.synthesis(mask * self._spectrum, self.clean.shape[-1])

    def quality(self, output: Tensor) -> Tensor:
        """SI-SNR (B,) of that audio, dB."""
        return si_snr(self.enhanced(output), self.clean)


class Loss:
    """What is made small: perceptual x distance - SI-SNR in dB."""

    def __init__(self, perceptual: float) -> None:
        self._weight, self._distance = perceptual, PerceptualDistance()

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        audio = target.enhanced(output)
        distance = self._distance(audio, target.clean)
        return (self._weight * distance - si_snr(audio, target.clean)).mean()


class Batches:
    """Training batches, drawn when they are asked for."""

    def __init__(self, corpus: Path, recipe: TuningRecipe) -> None:
        self._pool = open_pool(corpus, "train")
        self._recipe = recipe
        self._mixing = EnhancementRecipe(seed=recipe.seed, seconds=recipe.seconds)

    def __len__(self) -> int:
        return self._recipe.steps

    def __iter__(self) -> Iterator[tuple[Any, Target]]:
        for step in range(self._recipe.steps):
            items = range(self._recipe.batch)
            pairs = [training_pair(self._pool, self._mixing, step, i) for i in items]
            target = Target(pairs)
            yield target.features, target

    def __contains__(self, batch: object) -> bool:
        return False


@torch.no_grad()
def validation_quality(network: FixedNetwork, pairs: list[Pair]) -> float:
    """Mean SI-SNR, dB."""
    found = []
    for start in range(0, len(pairs), 8):
        target = Target(pairs[start : start + 8])
        found.append(target.quality(network(target.features)))
    return float(torch.cat(found).mean())


def tune(graph: Path, corpus: Path, out: Path, recipe: TuningRecipe) -> dict[str, Any]:
    """Tune, write both files, and return what the second holds."""
    calibration = read_arrays(calibration_beside(graph))["input"]
    pairs = validation_pairs(open_pool(corpus, "val"), EnhancementRecipe())
    before = to_integers(load(graph, None), chip_of("loihi2"), calibration)
    first = validation_quality(FixedNetwork(before.program), pairs)
    tuned = fine_tune(
        graph,
        Batches(corpus, recipe),
        Loss(recipe.perceptual),
        calibration=calibration,
        epochs=1,
        lr=recipe.lr,
        report=lambda step, steps, loss: print(f"{step}/{steps}  loss {loss:.2f} dB", flush=True),
    )
    last = validation_quality(tuned.network, pairs)
    write_program(out / f"{NAME}.ndp", tuned.within_steps)
    nodes, manifest = read_nir(graph)
    real = tuned.compiled.real
    word = real.meta.get("discretisation")
    same = tuned_graph(tuned, nodes, dt=real.dt, discretisation=word)
    write_nir(out / f"{NAME}.nir", same, manifest)
    write_calibration(out / f"{NAME}.nir", calibration)
    facts = {"recipe": asdict(recipe), "si_snr_rounded": first, "si_snr_tuned": last}
    write_text(out / f"{NAME}.json", json.dumps(facts, indent=2) + "\n")
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=TuningRecipe.steps)
    given = parser.parse_args()
    facts = tune(given.graph, given.corpus, given.out, TuningRecipe(steps=given.steps))
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
