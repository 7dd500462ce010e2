"""The recipe of the zoo's speech codecs.

    neurodeploy data prepare CORPUS --speech-folder LIBRISPEECH
    neurodeploy train esc_tiny --corpus CORPUS -o RUN

Loss of a batch: spectrum + 0.25 mel + codebooks + commitment / 4 (zoo/train/codec_losses.py and
zoo/models/product_vq.py), AdamW. First without quantization, all streams on, the projections of the
quantizers kept; then codes, with an optimizer of its own, and of four steps three with the first n
streams alone, n drawn from 1 to all (Gu and Diao 2024, arXiv:2404.19441). Published: 400,000 steps,
75,000 of them without codes, on 150 hours, at a constant rate. `esc_tiny` has one core for little
more than an hour: a warm-up and a cosine; a term of -SI-SDR, without which phases take far longer;
codebooks that begin as vectors of the training set and follow theirs (zoo/models/product_vq.py),
and such vectors in place of codewords that fall out of use. Crop i of a step is a function of
(seed, step, i) alone, the streams of (seed, step), revived codewords of the step and the weights,
so that a run that was killed continues bit for bit. `spiking_esc_tiny` begins as its twin and
learns from it (zoo/train/codec_distillation.py): --twin RUN/esc_tiny.safetensors.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.codec.weights import save_codec
from neurodeploy.zoo.data.manifest import MANIFEST
from neurodeploy.zoo.data.speech import Speech, open_speech, random_crop
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.train.codec_distillation import begin_as, distillation_terms, teacher_of
from neurodeploy.zoo.train.codec_losses import (
    code_counts,
    mel_terms,
    spectrum_loss,
)
from neurodeploy.zoo.train.codec_recipes import RECIPES, CodecRecipe
from neurodeploy.zoo.train.codec_validation import validate, validation_audio
from neurodeploy.zoo.train.devices import Devices
from neurodeploy.zoo.train.loop import (
    Metrics,
    Report,
    RunFiles,
    learning_rate,
    run_steps,
    shown_progress,
)
from neurodeploy.zoo.train.si_snr import si_snr
from neurodeploy.zoo.train.spike_balance import balance

AT_ONCE_S = 20.0
FAR = 1_000_000_000  # steps that no recipe has: whose crops seed and count


def crops_at(speech: Speech, recipe: CodecRecipe, step: int, items: range) -> Tensor:
    """Crops of a step, (B, samples)."""
    rngs = (np.random.default_rng((recipe.seed, step, i)) for i in items)
    return torch.from_numpy(np.stack([random_crop(speech, recipe.samples, r) for r in rngs]))


def streams_at(recipe: CodecRecipe, step: int, most: int) -> int:
    """Active streams of a step."""
    rng = np.random.default_rng((recipe.seed, step))
    return int(rng.integers(1, most + 1)) if rng.random() < recipe.dropout else most


def rate_at(recipe: CodecRecipe, step: int, *, falling: bool) -> float:
    """A warm-up, then the peak or a cosine from there."""
    if falling:
        return learning_rate(recipe, step)
    return recipe.lr * min(1.0, (step + 1) / max(1, recipe.warmup))


class Step:
    """One optimizer step; without `quantize`, of the first stage."""

    def __init__(
        self,
        codec: Esc,
        recipe: CodecRecipe,
        speech: Speech,
        devices: Devices,
        quantize: bool,
        teacher: Esc | None = None,
    ) -> None:
        self.codec, self.recipe, self.speech, self.devices = codec, recipe, speech, devices
        self.quantize, self.teacher = quantize, teacher
        learned = [p for p in codec.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            learned, lr=recipe.lr, betas=recipe.betas, weight_decay=recipe.weight_decay
        )
        self.optimizer = optimizer
        self._wrapped, self._stepper = devices.set_up(codec, optimizer)

    def __call__(self, step: int) -> Metrics:
        recipe, devices, codec = self.recipe, self.devices, self.codec
        if self.quantize and recipe.revives(step):
            seed_codebooks(codec, self.speech, recipe, devices, step)
        for group in self._stepper.param_groups:
            group["lr"] = rate_at(recipe, step, falling=recipe.cosine and self.quantize)
        items = range(devices.rank, recipe.batch, devices.count)
        real = devices.put(crops_at(self.speech, recipe, step, items))
        most = codec.config.streams
        streams = streams_at(recipe, step, most) if self.quantize else most
        target = codec.spectrum(real)
        out = self._wrapped(target, streams, self.quantize, recipe.following)
        terms = {"spectrum": recipe.spectrum * spectrum_loss(out.spectrum, target)}
        made = codec.audio(out.spectrum)
        linear, logarithmic = mel_terms(made, real)
        terms["mel"] = recipe.mel * (linear + logarithmic)
        if recipe.si_sdr:
            # of all crops as one: of each, it is blind to the sign of what little they share at
            # first, so that crops pull apart, and silent ones pull hardest
            whole = si_snr(made.flatten()[None], real.flatten()[None])
            terms["si_sdr"] = -recipe.si_sdr * whole.sum()
        if self.quantize:
            terms["codes"] = recipe.codes * out.loss
        if self.teacher is not None:
            with torch.no_grad():
                taught = self.teacher.encoder(target)[::-1]
            features, latents = distillation_terms(codec, out.features, taught)
            terms |= {"features": recipe.features * features, "latents": recipe.latents * latents}
        self._stepper.zero_grad(set_to_none=True)
        loss = torch.stack(list(terms.values())).sum()
        norm = devices.backward(loss, self._wrapped, self._stepper, recipe.clip)
        if math.isfinite(norm):
            self._stepper.step()
        metrics = {name: term.item() for name, term in terms.items()}
        return {"streams": streams, "gradient": norm} | metrics


def train(
    name: str,
    speech: tuple[Speech, Speech],
    corpus_digest: str,
    out: Path,
    *,
    twin: Path | None = None,
    recipe: CodecRecipe | None = None,
    devices: Devices | None = None,
    report: Report = lambda step, steps, metrics: None,
) -> dict[str, Any]:
    """Train a codec on the speech of train and val, or continue the run in `out`; its metrics.

    Writes out/NAME.safetensors at the end; pretraining.* and then checkpoint.safetensors and
    metrics.jsonl (a line a step) on the way, and out/metrics.json. ConfigError for codebooks that
    follow their vectors on several devices, and without a twin that is needed.
    """
    recipe, devices = recipe or RECIPES[name], devices or Devices()
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
    if teacher is not None and twin is not None:
        devices.place(teacher)
        identity["twin"] = hashlib.sha256(twin.read_bytes()).hexdigest()
        begin_as(codec, twin)
        balance(codec, _spectrum_of(codec, training, recipe, devices, FAR, recipe.balancing_s))
    identity = json.loads(json.dumps(identity))

    def stage(label: str, steps: int, quantize: bool) -> list[dict[str, Any]]:
        part = replace(recipe, steps=steps, lr=recipe.coded_lr if quantize else recipe.lr)
        advance = Step(codec, part, training, devices, quantize, teacher)
        return run_steps(
            codec,
            [advance.optimizer],
            part,
            identity | {"stage": label},
            RunFiles.within(out, recipe.save_every, devices, label),
            advance=advance,
            validate=lambda: validate(codec, recordings, devices, quantize, teacher),
            report=report,
        )

    first = stage("pretraining", recipe.pretraining, False) if recipe.pretraining else []
    begun = RunFiles.within(out, recipe.save_every, devices).checkpoint.is_file()
    if recipe.seeding_s and not begun:
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


def _spectrum_of(
    codec: Esc, speech: Speech, recipe: CodecRecipe, devices: Devices, step: int, seconds: float
) -> Tensor:
    """The spectrum of that much training speech."""
    count = math.ceil(seconds * 16_000 / recipe.samples)
    return codec.spectrum(devices.put(crops_at(speech, recipe, step, range(count))))


def seed_codebooks(
    codec: Esc, speech: Speech, recipe: CodecRecipe, devices: Devices, step: int
) -> None:
    """Codewords become vectors of training speech; after the first step those that it leaves
    unused. A function of weights and step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed + step)
        spectrum = _spectrum_of(codec, speech, recipe, devices, FAR + step, recipe.seeding_s)
        codec.seed_codebooks(spectrum, unused_only=step > 0)


@torch.no_grad()
def count_codes(codec: Esc, speech: Speech, recipe: CodecRecipe, devices: Devices) -> None:
    """How often each code occurs in training speech, into the codec."""
    codec.eval()
    codec.code_counts.zero_()
    for part in range(math.ceil(recipe.counting_s / AT_ONCE_S)):
        seconds = min(AT_ONCE_S, recipe.counting_s)
        spectrum = _spectrum_of(codec, speech, recipe, devices, 2 * FAR + part, seconds)
        codes = codec.encode(spectrum, codec.config.streams)
        codec.code_counts += code_counts(codes, codec.config.codes).to(codec.code_counts)
    codec.train()


def train_codec(name: str, corpus: Path, out: Path, twin: Path | None = None) -> dict[str, Any]:
    """`train` on a prepared corpus, with progress on stderr."""
    recipe = RECIPES[name]
    speech = open_speech(corpus, "train"), open_speech(corpus, "val")
    digest = hashlib.sha256((corpus / MANIFEST).read_bytes()).hexdigest()

    def words(m: Metrics) -> str:
        return f"mel {m['mel']:5.2f}  codes {m.get('codes', math.nan):5.2f}"

    with shown_progress(name, recipe.steps, words) as show:
        return train(name, speech, digest, out, twin=twin, recipe=recipe, report=show)
