"""A training step of a vocoder: the student, its judges and its teacher.

zoo/train/vocoding.py says what is minimised.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.data.speech import Speech, random_crop
from neurodeploy.zoo.models.discriminators import Discriminators
from neurodeploy.zoo.models.vocoders import VOCODERS, load_vocoder
from neurodeploy.zoo.train.checkpoint import start_as
from neurodeploy.zoo.train.devices import Devices
from neurodeploy.zoo.train.distillation import Student, distillation_loss
from neurodeploy.zoo.train.judging import Judging, Rules
from neurodeploy.zoo.train.loop import Metrics, learning_rate
from neurodeploy.zoo.train.vocoder_losses import mel_fronts, mel_loss, phase_loss
from neurodeploy.zoo.train.vocoder_recipes import VocoderRecipe


class Trainee:
    """All that a run trains, and what it learns from."""

    def __init__(self, name: str, recipe: VocoderRecipe, twin: Path | None) -> None:
        vocoder = VOCODERS[name]()
        if twin is None and (recipe.distillation or recipe.warm_start):
            hint = "--twin RUN/vocos_small.safetensors"
            raise ConfigError(Diagnostic(name, "twin-missing", "needs its trained twin", hint))
        self.teacher = load_vocoder(twin) if twin and recipe.distillation else None
        if twin and recipe.warm_start:
            start_as(vocoder, twin)
        self.vocoder = vocoder
        self.student = Student(vocoder, taught=self.teacher is not None)
        self.judges = Discriminators(recipe.discriminators)
        self.optimizers = [
            torch.optim.AdamW(m.parameters(), lr=recipe.lr, betas=recipe.betas)
            for m in (self.student, self.judges)
        ]

    @property
    def trained(self) -> nn.Module:
        return nn.ModuleDict({"student": self.student, "judges": self.judges})


class Step:
    """One optimizer step of the student and, from some step on, of its judges."""

    def __init__(
        self, trainee: Trainee, recipe: VocoderRecipe, speech: Speech, devices: Devices
    ) -> None:
        self.recipe, self.speech, self.devices = recipe, speech, devices
        self.vocoder = trainee.vocoder
        tune, tune_judges = trainee.optimizers
        self.student, self.tune = devices.set_up(trainee.student, tune)
        rules = Rules((1.0, recipe.window_weight), recipe.clip)
        self.judging = Judging(trainee.judges, tune_judges, rules, devices)
        self.teacher = trainee.teacher and devices.place(trainee.teacher)
        mel = self.vocoder.config.mel
        self.fronts = mel_fronts(mel.sample_rate) if recipe.resolutions else (mel,)

    def __call__(self, step: int) -> Metrics:
        recipe, devices = self.recipe, self.devices
        judged = step - recipe.adversarial_from
        for group in self.tune.param_groups:
            group["lr"] = learning_rate(recipe, step)
        items = range(devices.rank, recipe.batch, devices.count)
        rngs = (np.random.default_rng((recipe.seed, step, i)) for i in items)
        crops = [random_crop(self.speech, recipe.samples, rng) for rng in rngs]
        real = devices.put(torch.from_numpy(np.stack(crops)))
        terms, made = self._terms(real)
        metrics: Metrics = {}
        if judged >= 0:
            heard = real[:, : made.shape[-1]]
            lr = learning_rate(recipe.judging, judged)
            metrics["judges"] = self.judging.learn(heard, made, lr)
            terms |= self.judging.deception(heard, made)
        loss = torch.stack(list(terms.values())).sum()
        metrics["gradient"] = devices.update(loss, self.student, self.tune, recipe.clip)
        return metrics | {name: value.item() for name, value in terms.items()}

    def _terms(self, real: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Losses without judges; and the speech made, as long as `real`'s."""
        recipe = self.recipe
        mel = self.vocoder.features(real)
        learned = self.student(mel)
        spoken = learned.spoken
        made, real = spoken.audio, real[:, : spoken.audio.shape[-1]]
        terms = {"mel": recipe.mel * mel_loss(made, real, self.fronts)}
        if recipe.phase:
            own = self._spectrum(real).angle()
            terms["phase"] = recipe.phase * phase_loss(spoken.phase, own)
        if recipe.distillation is not None and self.teacher is not None:
            with torch.no_grad():
                taught = self.teacher(mel)
            terms |= distillation_loss(learned, taught, recipe.distillation)
        return terms, made

    def _spectrum(self, real: Tensor) -> Tensor:
        """(B, samples) -> (B, L, bins), framed as the head's."""
        c = self.vocoder.config.mel
        window = torch.hann_window(c.window, dtype=real.dtype, device=real.device)
        frames = torch.stft(real, c.window, c.hop, window=window, return_complex=True)
        return frames.transpose(1, 2)
