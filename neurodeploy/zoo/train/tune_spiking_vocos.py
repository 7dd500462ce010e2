"""Fine-tune the deployable vocoder through the chip's integers (quantization-aware training).

    python -m neurodeploy.zoo.train.tune_spiking_vocos FOLDER/spiking_vocos_loihi_small.nir
        --corpus CORPUS --out FOLDER [--steps 300]

Beside the graph lie the weights that it was written from: norm and head, which stay as they are.
The loss is that of mel spectra at several resolutions, on validation speech, too.
zoo/train/chip_tuning.py says what is written; `neurodeploy vocode --backend cpu` takes the tuned
integers where they lie beside the weights.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neurodeploy.errors import errors_as_lines
from neurodeploy.zoo.data.speech import Speech, open_speech, random_crop
from neurodeploy.zoo.fine_tuning import FixedNetwork
from neurodeploy.zoo.models.spiking_vocos_loihi import features_of, held, loihi_backbone
from neurodeploy.zoo.models.vocoders import load_vocoder
from neurodeploy.zoo.models.vocos import Vocoder
from neurodeploy.zoo.train.batches import Batches
from neurodeploy.zoo.train.chip_tuning import Levels, TuningRecipe, tune_graph
from neurodeploy.zoo.train.vocoder_losses import mel_fronts, mel_loss
from neurodeploy.zoo.train.vocoder_recipes import VocoderRecipe, vocoder_recipe
from neurodeploy.zoo.train.vocoding import validation_audio


class Host:
    """What is before and after the chip, with the weights of `vocoder`."""

    def __init__(self, vocoder: Vocoder) -> None:
        self._vocoder, self._backbone = vocoder, loihi_backbone(vocoder)
        self._fronts = mel_fronts(vocoder.config.mel.sample_rate)

    def levels(self, audio: Tensor) -> Levels:
        """(B, samples) -> the chip's input (T, B, bands, 1), and silence after the end."""
        c = self._backbone.chip.config
        features = features_of(self._vocoder.features(audio))
        return held(functional.pad(features, (0, c.ahead)), c.steps).numpy()

    def loss(self, y: Tensor, audio: Tensor) -> Tensor:
        """Of the speech that comes of y (T, B, width, 1)."""
        c = self._backbone.chip.config
        frames = y[c.steps - 1 :: c.steps, ..., 0].transpose(0, 1)[:, c.ahead :]
        head = self._vocoder.head
        hidden = self._backbone.norm(frames.to(torch.float32))
        made = head.synthesis(*head.spectrum(hidden))
        return mel_loss(made, audio[:, : made.shape[-1]], self._fronts)


def tune(
    graph: Path, speech: tuple[Speech, Speech], out: Path, recipe: TuningRecipe
) -> dict[str, Any]:
    """Tune on the speech of train and val, write all files, and return what .json holds.

    Raises what reading the weights raises, and ConfigError for a vocoder of no chip.
    """
    host = Host(vocoder := load_vocoder(graph.with_suffix(".safetensors")))
    training, held_out = speech
    samples = int(recipe.seconds * vocoder.config.mel.sample_rate)
    heard = [torch.from_numpy(x[None]) for x in validation_audio(held_out, VocoderRecipe())]

    def at(step: int) -> tuple[Levels, Tensor]:
        rngs = (np.random.default_rng((recipe.seed, step, i)) for i in range(recipe.batch))
        crops = torch.from_numpy(np.stack([random_crop(training, samples, rng) for rng in rngs]))
        return host.levels(crops), crops

    def mel(network: FixedNetwork) -> float:
        losses = [host.loss(network(host.levels(audio)), audio) for audio in heard]
        return float(torch.stack(losses).mean())

    batches = Batches(at, recipe.steps)
    return tune_graph(graph, batches, host.loss, {"mel": mel}, out, recipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=TuningRecipe.steps)
    given = parser.parse_args()
    sources = vocoder_recipe(given.graph.stem).sources
    training, held_out = (open_speech(given.corpus, split, sources) for split in ("train", "val"))
    recipe = TuningRecipe(seconds=0.5, steps=given.steps)
    facts = tune(given.graph, (training, held_out), given.out, recipe)
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    with errors_as_lines():
        main()
