"""A training step of a codec: zoo/train/codec.py says what is minimised, of an encoder that learns
from a twin zoo/train/codec_distillation.py."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.zoo.data.speech import Speech, random_crop
from neurodeploy.zoo.models.discriminators import Discriminators
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.train.codec_distillation import distillation_terms
from neurodeploy.zoo.train.codec_losses import mel_terms, spectrum_loss
from neurodeploy.zoo.train.codec_recipes import AdversarialRecipe, CodecRecipe
from neurodeploy.zoo.train.devices import Devices
from neurodeploy.zoo.train.judging import Judging, Rules
from neurodeploy.zoo.train.loop import Metrics, learning_rate
from neurodeploy.zoo.train.si_snr import si_snr

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
        learner: nn.Module | None = None,
    ) -> None:
        """learner: what is wrapped for device and precision; the codec."""
        self.codec, self.recipe, self.speech, self.devices = codec, recipe, speech, devices
        self.quantize = quantize
        self.trained: nn.Module = codec
        self.optimizers = [_optimizer(codec, recipe, recipe.lr)]
        self._wrapped, self._stepper = devices.set_up(learner or codec, self.optimizers[0])

    def __call__(self, step: int) -> Metrics:
        recipe, devices = self.recipe, self.devices
        if self.quantize and recipe.revives(step):
            seed_codebooks(self.codec, self.speech, recipe, devices, step)
        for group in self._stepper.param_groups:
            group["lr"] = rate_at(recipe, step, falling=recipe.cosine and self.quantize)
        items = range(devices.rank, recipe.batch, devices.count)
        real = devices.put(crops_at(self.speech, recipe, step, items))
        terms, told = self._losses(real, step)
        loss = torch.stack([*terms.values()]).sum()
        norm = devices.update(loss, self._wrapped, self._stepper, recipe.clip)
        return told | {"gradient": norm} | {name: term.item() for name, term in terms.items()}

    def _losses(self, real: Tensor, step: int) -> tuple[dict[str, Tensor], Metrics]:
        """What is minimised, by name, and what else there is to tell."""
        streams = self._streams(step)
        return self._spoken(real, streams)[0], {"streams": streams}

    def _streams(self, step: int) -> int:
        most = self.codec.config.streams
        return streams_at(self.recipe, step, most) if self.quantize else most

    def _spoken(self, real: Tensor, streams: int) -> tuple[dict[str, Tensor], Tensor]:
        """Losses without judges, and the speech made."""
        recipe, codec = self.recipe, self.codec
        target = codec.spectrum(real)
        out = self._wrapped(target, streams, self.quantize, recipe.following)
        companded = codec.config.power != 1.0
        error = spectrum_loss(out.spectrum, target, companded=companded)
        made = codec.audio(out.spectrum)
        linear, logarithmic = mel_terms(made, real)
        mel = linear + logarithmic
        terms = {"spectrum": recipe.spectrum * error, "mel": recipe.mel * mel}
        if recipe.si_sdr:
            # of all crops as one: of each, it is blind to the sign of what little they share at
            # first, so that crops pull apart, and silent ones pull hardest
            whole = si_snr(made.flatten()[None], real.flatten()[None])
            terms["si_sdr"] = -recipe.si_sdr * whole.sum()
        if self.quantize:
            terms["codes"] = recipe.codes * out.loss
        return terms, made


class JudgedStep(Step):
    """One step of the judges and of the codec that deceives them."""

    def __init__(
        self, codec: Esc, recipe: AdversarialRecipe, speech: Speech, devices: Devices
    ) -> None:
        super().__init__(codec, recipe, speech, devices, quantize=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            judges = Discriminators(recipe.judges)
        self.trained = nn.ModuleDict({"codec": codec, "judges": judges})
        self.optimizers.append(_optimizer(judges, recipe, recipe.judges_lr))
        # the published losses are sums over discriminators, Judging's are means
        counts = float(len(judges.periods)), float(len(judges.windows))
        rules = Rules(counts, recipe.judges_clip, squares=True)
        self._judging = Judging(judges, self.optimizers[1], rules, devices)
        self._weights = {"deception": recipe.deception, "features": recipe.judged_features}
        self._schedule = replace(recipe, lr=recipe.judges_lr)

    def _losses(self, real: Tensor, step: int) -> tuple[dict[str, Tensor], Metrics]:
        streams = self._streams(step)
        terms, made = self._spoken(real, streams)
        lr = rate_at(self._schedule, step, falling=self._schedule.cosine)
        judged = self._judging.learn(real, made, lr)
        heard = self._judging.deception(real, made)
        terms |= {name: self._weights[name] * term for name, term in heard.items()}
        return terms, {"streams": streams, "judges": judged}


class DistilledStep(Step):
    """One step of an encoder towards its twin's; the rest stays, and only its projections run."""

    def __init__(
        self, codec: Esc, teacher: Esc, recipe: CodecRecipe, speech: Speech, devices: Devices
    ) -> None:
        super().__init__(codec, recipe, speech, devices, quantize=True, learner=codec.encoder)
        self.teacher = teacher

    def _losses(self, real: Tensor, step: int) -> tuple[dict[str, Tensor], Metrics]:
        target = self.codec.spectrum(real)
        with torch.no_grad():
            taught = self.teacher.encoder(target)[::-1]
        ours = self._wrapped(target)[::-1]
        features, latents = distillation_terms(self.codec, ours, taught)
        recipe = self.recipe
        return {"features": recipe.features * features, "latents": recipe.latents * latents}, {}


def _optimizer(model: nn.Module, recipe: CodecRecipe, lr: float) -> torch.optim.Optimizer:
    learned = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(learned, lr=lr, betas=recipe.betas, weight_decay=recipe.weight_decay)


def spectrum_of(
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
        spectrum = spectrum_of(codec, speech, recipe, devices, FAR + step, recipe.seeding_s)
        codec.seed_codebooks(spectrum, unused_only=step > 0)
