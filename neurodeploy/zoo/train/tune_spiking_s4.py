"""Fine-tune the deployable enhancer through the chip's integers (quantization-aware training).

    python -m neurodeploy.zoo.train.tune_spiking_s4 FOLDER/spiking_s4_loihi.nir --corpus CORPUS
        --out FOLDER [--steps 300]

The loss is that of the second stage of training, perceptual distance and SI-SNR; what is told is
SI-SNR over the validation mixtures, dB. zoo/train/chip_tuning.py says what is written.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurodeploy.errors import errors_as_lines
from neurodeploy.zoo.audio.torch_stft import Stft
from neurodeploy.zoo.data.noisy_speech import Pair, open_pool
from neurodeploy.zoo.denoisers import CHIP_STFT
from neurodeploy.zoo.fine_tuning import FixedNetwork
from neurodeploy.zoo.models.masking import log_levels
from neurodeploy.zoo.train.batches import Batches
from neurodeploy.zoo.train.chip_tuning import TuningRecipe, tune_graph
from neurodeploy.zoo.train.enhancement import (
    EnhancementRecipe,
    stacked,
    training_pair,
    validation_pairs,
)
from neurodeploy.zoo.train.perceptual_distance import PerceptualDistance
from neurodeploy.zoo.train.si_snr import si_snr


@dataclass(frozen=True)
class EnhancerTuning(TuningRecipe):
    perceptual: float = 5.0  # weight of the perceptual distance, dB per MOS


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


def training_batches(corpus: Path, recipe: TuningRecipe) -> Batches[tuple[Any, Target]]:
    """Drawn when they are asked for."""
    pool = open_pool(corpus, "train")
    mixing = EnhancementRecipe(seed=recipe.seed, seconds=recipe.seconds)

    def at(step: int) -> tuple[Any, Target]:
        items = range(recipe.batch)
        target = Target([training_pair(pool, mixing, step, i) for i in items])
        return target.features, target

    return Batches(at, recipe.steps)


@torch.no_grad()
def validation_quality(network: FixedNetwork, pairs: list[Pair]) -> float:
    """Mean SI-SNR, dB."""
    found = []
    for start in range(0, len(pairs), 8):
        target = Target(pairs[start : start + 8])
        found.append(target.quality(network(target.features)))
    return float(torch.cat(found).mean())


def tune(graph: Path, corpus: Path, out: Path, recipe: EnhancerTuning) -> dict[str, Any]:
    """Tune, write all files, and return what .json holds."""
    pairs = validation_pairs(open_pool(corpus, "val"), EnhancementRecipe())
    return tune_graph(
        graph,
        training_batches(corpus, recipe),
        Loss(recipe.perceptual),
        {"si_snr": lambda network: validation_quality(network, pairs)},
        out,
        recipe,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=EnhancerTuning.steps)
    given = parser.parse_args()
    facts = tune(given.graph, given.corpus, given.out, EnhancerTuning(steps=given.steps))
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    with errors_as_lines():
        main()
