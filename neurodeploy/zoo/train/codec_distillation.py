"""A spiking encoder learns from its artificial twin, whose quantizers and decoder it keeps.

    loss      features + latents, each times its weight in the recipe
    features  mean over scales of  |f - f'|^2 / spread of f'
    latents   mean over streams of |z - z'|^2 / spread of z',  z = down(f): what codes are found by

f, z are the student's, f', z' the twin's; spread is the mean square distance from the mean of a
channel's values: vectors that lie in a narrow cone far from 0 differ by little of their length
(docs/codec.md). What the decoder has made so far is left out of z: it is the same where codes are.

Quantizers and decoder are the twin's and stay. The encoder is all that spikes, and its work is done
where its features make the twin's codes: an optimum that then stands still, a loss that shows how
far it is, and at equal codes quality equal to the twin's by construction, so that joules are
compared alone. Trained along, books would move with the features and the decoder would hide errors.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.codec.weights import open_codec
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.train.checkpoint import start_as
from neurodeploy.zoo.train.codec_recipes import AdversarialRecipe, CodecRecipe


def teacher_of(recipe: CodecRecipe, twin: Path | None) -> Esc | None:
    """The trained twin that the recipe wants; ConfigError for one it has no use for, or another."""
    if recipe.twin is None:
        if twin is not None:
            detail = f"{recipe.network} learns from none"
            raise ConfigError(Diagnostic("twin", "network", detail))
        return None
    if recipe.pretraining or isinstance(recipe, AdversarialRecipe):
        detail = f"{recipe.network} learns from its twin alone, in one stage"
        raise ConfigError(Diagnostic("recipe", "twin", detail))
    if twin is None:
        hint = f"--twin RUN/{recipe.twin}.safetensors"
        raise ConfigError(Diagnostic(recipe.network, "twin-missing", "needs its twin", hint))
    codec = open_codec(twin)
    if codec.name != recipe.twin:
        detail = f"is {codec.name}, not {recipe.twin}"
        raise ConfigError(Diagnostic(str(twin), "twin-size", detail))
    return codec.network.requires_grad_(False)


def begin_as(student: Esc, twin: Path) -> None:
    """The twin's weights, of which all but the encoder's stay as they are."""
    start_as(student, twin)
    student.decoder.requires_grad_(False)
    student.quantizers.requires_grad_(False)


def distillation_terms(student: Esc, features: list[Tensor], taught: list[Tensor]) -> Tensor:
    """features, taught: of each scale, coarsest first -> (features, latents)."""
    pairs = list(zip(features, taught, strict=True))
    scales = [relative_error(ours, theirs) for ours, theirs in pairs]
    latents = [
        relative_error(student.latent(stream, ours), student.latent(stream, theirs))
        for stream, (ours, theirs) in enumerate([pairs[0], *pairs])
    ]
    return torch.stack([torch.stack(scales).mean(), torch.stack(latents).mean()])


def relative_error(ours: Tensor, theirs: Tensor) -> Tensor:
    """Channels last -> |ours - theirs|^2 / spread of theirs."""
    around = theirs - theirs.flatten(0, -2).mean(0)
    return (ours - theirs).square().mean() / around.square().mean().clamp(min=1e-12)
