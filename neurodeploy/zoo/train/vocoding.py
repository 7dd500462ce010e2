"""The recipe of the zoo's vocoders, artificial and spiking.

    neurodeploy data prepare CORPUS --speech-folder LIBRISPEECH
    neurodeploy train vocos_small --corpus CORPUS -o RUN
    neurodeploy train spiking_vocos_small --corpus CORPUS --twin RUN/vocos_small.safetensors -o RUN2

Loss, per batch of crops s and what the vocoder makes of their mel spectra, e:

    45 mel(s, e) + phase terms + [deception + features]_MPD + 0.1 [the same]_MRD + distillation

with zoo/train/vocoder_losses.py and distillation.py; AdamW, betas 0.8 and 0.9, half a cosine. The
published training (Siuzdak 2023; Chen et al. 2025) has one mel resolution, no phase terms, and
discriminators from the first of 1 M steps of 16 crops. The `small` recipes have two cores: mel
spectra at several resolutions, discriminators of an eighth of the channels and at the end only, and
spiking networks start as their trained twin, whose weights they share but for the neurons.
Crop i of a step is a function of (seed, step, i) alone, and nothing else is random, so that a run
that was killed continues bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.data.manifest import MANIFEST
from neurodeploy.zoo.data.speech import HELD_DB, Speech, at_peak, open_speech
from neurodeploy.zoo.models.vocos import Vocoder
from neurodeploy.zoo.train.checkpoint import save_weights
from neurodeploy.zoo.train.devices import Devices
from neurodeploy.zoo.train.loop import Metrics, Report, RunFiles, run_steps, shown_progress
from neurodeploy.zoo.train.vocoder_losses import mel_fronts, mel_loss
from neurodeploy.zoo.train.vocoder_recipes import VocoderRecipe, vocoder_recipe
from neurodeploy.zoo.train.vocoder_step import Step, Trainee


def validation_audio(speech: Speech, recipe: VocoderRecipe) -> list[Audio]:
    """The starts of recordings that validation hears, spread over the split."""
    chosen = speech.recordings[:: max(1, len(speech.recordings) // recipe.validation)]
    wholes = [speech.load(r.path) for r in chosen[: recipe.validation]]
    return [at_peak(x[: recipe.validation_samples], x, HELD_DB) for x in wholes]


@torch.no_grad()
def validate(vocoder: Vocoder, recordings: list[Audio], devices: Devices) -> Metrics:
    """The mel loss of analysis and synthesis, at the network's own and at several resolutions."""
    own = vocoder.config.mel
    fronts = mel_fronts(own.sample_rate)
    vocoder.eval()
    losses = []
    for recording in recordings:
        real = devices.put(torch.from_numpy(recording[None]))
        made = vocoder(vocoder.features(real)).audio
        real = real[:, : made.shape[-1]]
        losses.append(torch.stack([mel_loss(made, real, (own,)), mel_loss(made, real, fronts)]))
    vocoder.train()
    mel, several = torch.stack(losses).mean(0).tolist()
    return {"mel": mel, "mel_several": several}


def train(
    name: str,
    speech: tuple[Speech, Speech],
    corpus_digest: str,
    out: Path,
    *,
    twin: Path | None = None,
    recipe: VocoderRecipe | None = None,
    devices: Devices | None = None,
    report: Report = lambda step, steps, metrics: None,
) -> dict[str, Any]:
    """Train a vocoder on the speech of train and val, or continue the run in `out`; its metrics.

    Writes out/NAME.safetensors at the end; out/checkpoint.safetensors, out/metrics.jsonl (a line a
    step) and out/metrics.json on the way. Raises ConfigError without a twin that is needed.
    """
    recipe, devices = recipe or vocoder_recipe(name), devices or Devices()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        trainee = Trainee(name, recipe, twin)
    training, held_out = speech
    advance = Step(trainee, recipe, training, devices)
    recordings = validation_audio(held_out, recipe)
    identity = _identity(name, recipe, corpus_digest, twin)
    if devices.precision != "fp32":  # a run goes on in the precision that it began in
        identity["precision"] = devices.precision
    files = RunFiles.within(out, recipe.save_every, devices)
    history = run_steps(
        trainee.trained,
        trainee.optimizers,
        recipe,
        identity,
        files,
        advance=advance,
        validate=lambda: validate(trainee.vocoder, recordings, devices),
        report=report,
    )
    if devices.rank == 0:
        save_weights(out / f"{name}.safetensors", trainee.vocoder)
        parameters = sum(p.numel() for p in trainee.vocoder.parameters())
        metrics = identity | {"parameters": parameters, "history": history}
        write_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return identity | {"history": history}


def _identity(
    name: str, recipe: VocoderRecipe, corpus_digest: str, twin: Path | None
) -> dict[str, Any]:
    """What a checkpoint must have in common with a run that goes on from it."""
    used = twin if recipe.distillation or recipe.warm_start else None
    identity = {
        "variant": name,
        "recipe": asdict(recipe),
        "corpus": corpus_digest,
        "twin": hashlib.sha256(used.read_bytes()).hexdigest() if used else None,
    }
    return json.loads(json.dumps(identity))


def train_vocoder(
    name: str, corpus: Path, out: Path, twin: Path | None = None, precision: str = "fp32"
) -> dict[str, Any]:
    """`train` on a prepared corpus, with progress on stderr."""
    recipe = vocoder_recipe(name)
    speech = (
        open_speech(corpus, "train", recipe.sources),
        open_speech(corpus, "val", recipe.sources),
    )
    digest = hashlib.sha256((corpus / MANIFEST).read_bytes()).hexdigest()
    devices = Devices(precision)
    with shown_progress(name, recipe.steps, lambda m: f"mel {m['mel']:6.2f}") as show:
        return train(
            name, speech, digest, out, twin=twin, recipe=recipe, devices=devices, report=show
        )
