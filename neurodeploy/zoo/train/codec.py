"""The recipe of the zoo's speech codecs.

    neurodeploy data prepare CORPUS --speech-folder LIBRISPEECH
    neurodeploy train esc_tiny --corpus CORPUS -o RUN
    neurodeploy train esc_tiny --start RUN/esc_tiny.safetensors --corpus CORPUS -o RUN2

Loss of a batch: spectrum + 0.25 mel + codebooks + commitment / 4 (zoo/train/codec_losses.py and
zoo/models/product_vq.py), AdamW. First without quantization, all streams on, the projections of the
quantizers kept; then codes, with an optimizer of its own, and of four steps three with the first n
streams alone, n drawn from 1 to all (Gu and Diao 2024, arXiv:2404.19441). Published: 400,000 steps,
75,000 of them without codes, on 150 hours, at a constant rate. `--start` is the adversarial stage:
15 mel + deception + 2 features (zoo/train/judging.py, least squares) + codes, which the authors
have in place of the second stage, and which here follows it, from its weights. `esc_tiny` has one
core for little more than an hour: companded spectra, compared as they are; a warm-up and a cosine;
a term of -SI-SDR, without which phases take longer; codebooks that begin as vectors of the training
set and follow theirs (zoo/models/product_vq.py), and such vectors in place of codewords that fall
out of use. Crop i of a step is a function of (seed, step, i) alone, the streams of (seed, step),
revived codewords of the step and the weights, so that a run that was killed continues bit for bit.
`spiking_esc_tiny` begins as its twin and learns from it alone, without these losses
(zoo/train/codec_distillation.py): --twin RUN/esc_tiny.safetensors.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from neurodeploy.errors import ConfigError, DataError, Diagnostic
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.codec.weights import save_codec
from neurodeploy.zoo.data.manifest import MANIFEST
from neurodeploy.zoo.data.speech import Speech, open_speech
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import Esc, EscConfig
from neurodeploy.zoo.train.checkpoint import load_weights, read_numbers
from neurodeploy.zoo.train.codec_distillation import begin_as, teacher_of
from neurodeploy.zoo.train.codec_losses import code_counts
from neurodeploy.zoo.train.codec_recipes import AdversarialRecipe, CodecRecipe, codec_recipe
from neurodeploy.zoo.train.codec_step import (
    FAR,
    DistilledStep,
    JudgedStep,
    Step,
    seed_codebooks,
    spectrum_of,
)
from neurodeploy.zoo.train.codec_validation import validate, validation_audio
from neurodeploy.zoo.train.devices import Devices
from neurodeploy.zoo.train.loop import Metrics, Report, RunFiles, run_steps, shown_progress
from neurodeploy.zoo.train.spike_balance import balance

AT_ONCE_S = 20.0


def train(
    name: str,
    speech: tuple[Speech, Speech],
    corpus_digest: str,
    out: Path,
    *,
    twin: Path | None = None,
    recipe: CodecRecipe | None = None,
    start: Path | None = None,
    devices: Devices | None = None,
    report: Report = lambda step, steps, metrics: None,
) -> dict[str, Any]:
    """Train a codec on the speech of train and val, or continue the run in `out`; its metrics.

    start: trained weights to go on from; without a `recipe` of another kind, the adversarial stage.
    Writes out/NAME.safetensors at the end; pretraining.* and then checkpoint.safetensors and
    metrics.jsonl (a line a step) on the way, and out/metrics.json. ConfigError for codebooks that
    follow their vectors on several devices, and without a twin that is needed.
    """
    recipe = recipe or codec_recipe(name, started=start is not None)
    devices = devices or Devices()
    if recipe.following and devices.count > 1:
        detail = f"codebooks follow one process's batches, not those of {devices.count}"
        raise ConfigError(Diagnostic(name, "devices-several", detail, "train on one device"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        codec = CODECS[recipe.network]()
    teacher = teacher_of(recipe, twin)
    training, held_out = speech
    recordings = validation_audio(held_out, recipe)
    identity = {"variant": name, "recipe": asdict(recipe), "corpus": corpus_digest}
    devices.place(codec)
    if start is not None:
        load_weights(start, codec)
        identity["start"] = hashlib.sha256(start.read_bytes()).hexdigest()
    if teacher is not None and twin is not None:
        devices.place(teacher)
        identity["twin"] = hashlib.sha256(twin.read_bytes()).hexdigest()
        begin_as(codec, twin)
        balance(codec, spectrum_of(codec, training, recipe, devices, FAR, recipe.balancing_s))
    identity = json.loads(json.dumps(identity))

    def stage(label: str, steps: int, quantize: bool) -> list[dict[str, Any]]:
        part = replace(recipe, steps=steps, lr=recipe.coded_lr if quantize else recipe.lr)
        if isinstance(part, AdversarialRecipe):
            advance: Step = JudgedStep(codec, part, training, devices)
        elif teacher is not None:
            advance = DistilledStep(codec, teacher, part, training, devices)
        else:
            advance = Step(codec, part, training, devices, quantize)
        return run_steps(
            advance.trained,
            advance.optimizers,
            part,
            identity | {"stage": label},
            RunFiles.within(out, recipe.save_every, devices, label),
            advance=advance,
            validate=lambda: validate(codec, recordings, devices, quantize, teacher),
            report=report,
        )

    first = stage("pretraining", recipe.pretraining, False) if recipe.pretraining else []
    begun = RunFiles.within(out, recipe.save_every, devices).checkpoint.is_file()
    if recipe.seeding_s and not begun and start is None:
        seed_codebooks(codec, training, recipe, devices, 0)
    history = stage("checkpoint", recipe.steps - recipe.pretraining, True)
    if devices.rank == 0:
        count_codes(codec, training, recipe, devices)
        save_codec(out / f"{name}.safetensors", recipe.network, codec)
    facts = {"parameters": sum(p.numel() for p in codec.parameters())}
    metrics = identity | facts | {"pretraining": first, "history": history}
    if devices.rank == 0:
        write_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


@torch.no_grad()
def count_codes(codec: Esc, speech: Speech, recipe: CodecRecipe, devices: Devices) -> None:
    """How often each code occurs in training speech, into the codec."""
    codec.eval()
    codec.code_counts.zero_()
    for part in range(math.ceil(recipe.counting_s / AT_ONCE_S)):
        seconds = min(AT_ONCE_S, recipe.counting_s)
        spectrum = spectrum_of(codec, speech, recipe, devices, 2 * FAR + part, seconds)
        codes = codec.encode(spectrum, codec.config.streams)
        codec.code_counts += code_counts(codes, codec.config.codes).to(codec.code_counts)
    codec.train()


def run_history(out: Path) -> tuple[EscConfig, list[dict[str, Any]]]:
    """The codec's shape and the validations with codes of the run in `out`, finished or not.

    DataError where there is no checkpoint of that stage, or another network's.
    """
    path = RunFiles.within(out, 1, Devices()).checkpoint
    numbers = read_numbers(path)
    network = numbers["identity"].get("recipe", {}).get("network")
    if network not in CODECS:
        raise DataError(Diagnostic(str(path), "checkpoint-foreign", "is no codec's"))
    return CODECS[network]().config, numbers["history"]


def train_codec(
    name: str, corpus: Path, out: Path, *, twin: Path | None = None, start: Path | None = None
) -> dict[str, Any]:
    """`train` on a prepared corpus, with progress on stderr."""
    recipe = codec_recipe(name, started=start is not None)
    speech = open_speech(corpus, "train"), open_speech(corpus, "val")
    digest = hashlib.sha256((corpus / MANIFEST).read_bytes()).hexdigest()

    def words(m: Metrics) -> str:
        told = ("mel", "codes", "features", "latents")
        return "  ".join(f"{name} {m[name]:5.2f}" for name in told if name in m)

    with shown_progress(name, recipe.steps, words) as show:
        return train(name, speech, digest, out, twin=twin, recipe=recipe, start=start, report=show)
