"""The recipe of the zoo's speech enhancers.

    neurodeploy data prepare CORPUS --speech-folder LIBRISPEECH --noise-folder ESC10
    neurodeploy train spiking_s4 --corpus CORPUS -o RUN

Loss: 0.001 MSE of the magnitudes - SI-SNR in dB; RAdam, weight decay 1e-5, gradient norm 10, as in
the first author's submission to the N-DNS challenge (dyabel/dns-challenge-submission), which trains
with learning rate 0.01 on batches of 128 and 50 epochs of 500 hours. Ours is smaller by orders: a
warm-up and a cosine, and S4's own advice for its parameters (no decay, at most 0.001).
A second stage may follow, which is ours: from the weights of the first, with PESQ's disturbance
(zoo/train/perceptual_distance.py) in the loss, for quality that is heard. What is kept is a mean of
both stages' weights, which has nearly all of the first's SI-SNR and much of the second's PESQ
(Wortsman et al. 2021, "Robust fine-tuning of zero-shot models", arXiv:2109.01903).

    neurodeploy train spiking_s4 --start RUN/spiking_s4.safetensors --corpus CORPUS -o RUN2

Mixture i of a step is a function of (seed, step, i) alone, and nothing else is random, so that a
run that was killed continues bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.whole_files import write_text
from neurodeploy.zoo.data.augmentation import random_noise, random_voice
from neurodeploy.zoo.data.manifest import MANIFEST
from neurodeploy.zoo.data.noisy_speech import (
    Pair,
    Pool,
    draw_noise,
    draw_pair,
    open_pool,
    render_pair,
)
from neurodeploy.zoo.models.enhancers import ENHANCERS
from neurodeploy.zoo.models.masking import MaskEnhancer
from neurodeploy.zoo.models.s4d import S4D
from neurodeploy.zoo.train.checkpoint import load_weights, read_tensors, save_weights
from neurodeploy.zoo.train.devices import Devices
from neurodeploy.zoo.train.level import match_level
from neurodeploy.zoo.train.loop import (
    Metrics,
    Report,
    RunFiles,
    learning_rate,
    run_steps,
    shown_progress,
)
from neurodeploy.zoo.train.perceptual_distance import PerceptualDistance
from neurodeploy.zoo.train.si_snr import si_snr

VALIDATION = 2_000_000  # first seed of the validation mixtures


@dataclass(frozen=True)
class EnhancementRecipe:
    """Everything that the trained weights depend on besides network and corpus."""

    steps: int = 4_000  # optimizer steps: 36 hours of mixtures
    batch: int = 16  # mixtures per step
    seconds: float = 2.0  # length of a mixture
    lr: float = 3e-3  # peak learning rate
    ssm_lr: float = 1e-3  # peak for the state spaces' own parameters
    warmup: int = 200  # steps from 0 to the peak
    weight_decay: float = 1e-5
    clip: float = 10.0  # largest norm of the gradient
    mse: float = 0.001  # weight of the magnitudes' mean squared error
    perceptual: float = 0.0  # weight of the perceptual distance, dB per MOS
    start_share: float = 0.0  # of the weights that training began with, in the mean that is kept
    seed: int = 20240229
    validate_every: int = 500  # steps between validations
    save_every: int = 100  # steps between checkpoints
    validation: int = 48  # mixtures
    validation_seconds: float = 4.0


RECIPES = {"sdnn_baseline": EnhancementRecipe(lr=1e-3)}  # the baseline's own rate
START_SHARES = {"spiking_s4_loihi": 0.4}  # of the first stage, in what a second one keeps
START_SHARE = 0.1  # of all other networks: the least validation loss of spiking_s4


def recipe_of(name: str) -> EnhancementRecipe:
    """The committed recipe of an enhancer."""
    return RECIPES.get(name, EnhancementRecipe())


def second_stage(name: str, recipe: EnhancementRecipe) -> EnhancementRecipe:
    """What follows an enhancer's recipe, from its weights, on other mixtures."""
    return replace(
        recipe,
        steps=recipe.steps // 2,
        lr=recipe.lr / 3,
        ssm_lr=recipe.ssm_lr / 3,
        warmup=recipe.warmup // 4,
        perceptual=5.0,
        start_share=START_SHARES.get(name, START_SHARE),
        seed=recipe.seed + 1,
    )


def training_pair(pool: Pool, recipe: EnhancementRecipe, step: int, item: int) -> Pair:
    """Mixture `item` of a step, augmented."""
    rng = np.random.default_rng((recipe.seed, step, item))
    spec = draw_pair(pool, rng, recipe.seconds)
    other = draw_noise(pool, rng, spec.samples)
    return render_pair(
        spec,
        pool.load,
        voice=lambda x: random_voice(x, rng),
        noise=lambda x: random_noise(x, other, rng),
    )


def stacked(pairs: list[Pair]) -> tuple[Tensor, Tensor]:
    """Noisy and clean, (B, samples) each."""
    noisy, clean = np.stack([p.noisy for p in pairs]), np.stack([p.clean for p in pairs])
    return torch.from_numpy(noisy), torch.from_numpy(clean)


def make_optimizer(model: nn.Module, recipe: EnhancementRecipe) -> torch.optim.Optimizer:
    """RAdam; "peak" of a group is the learning rate that the schedule scales."""
    own = [p for m in model.modules() if isinstance(m, S4D) for p in m.parameters(recurse=False)]
    ids = {id(p) for p in own}
    others = [p for p in model.parameters() if id(p) not in ids]
    groups: list[dict[str, Any]] = [
        {"params": others, "peak": recipe.lr, "weight_decay": recipe.weight_decay},
        {"params": own, "peak": min(recipe.ssm_lr, recipe.lr), "weight_decay": 0.0},
    ]
    return torch.optim.RAdam([g for g in groups if g["params"]], lr=recipe.lr)


def loss_of(
    model: nn.Module, noisy: Tensor, clean: Tensor, recipe: EnhancementRecipe
) -> tuple[Tensor, Metrics]:
    """The loss of a batch, and its SI-SNR in dB."""
    audio, magnitude = model(noisy)
    inner = getattr(model, "module", model)
    assert isinstance(inner, MaskEnhancer)
    wanted = inner.stft.analysis(clean).abs()
    quality = si_snr(audio, clean).mean()
    loss = recipe.mse * (magnitude - wanted).square().mean() - quality
    metrics = {"si_snr": quality.item()}
    if recipe.perceptual:
        distance = _perceptual_distance(audio.device)(audio, clean).mean()
        loss = loss + recipe.perceptual * distance
        metrics["perceptual"] = distance.item()
    return loss, metrics


@cache
def _perceptual_distance(device: torch.device) -> PerceptualDistance:
    return PerceptualDistance().to(device)


def train_step(
    devices: Devices,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    pool: Pool,
    recipe: EnhancementRecipe,
    step: int,
) -> Metrics:
    """One optimizer step, in place; each device takes its share of the batch."""
    items = range(devices.rank, recipe.batch, devices.count)
    noisy, clean = stacked([training_pair(pool, recipe, step, i) for i in items])
    share = learning_rate(recipe, step) / recipe.lr
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
    loss, metrics = loss_of(model, devices.put(noisy), devices.put(clean), recipe)
    norm = devices.update(loss, model, optimizer, recipe.clip)
    before = si_snr(noisy, clean).mean().item()
    gain = metrics["si_snr"] - before
    return {"loss": loss.item(), **metrics, "si_snr_gain": gain, "gradient": norm}


def validation_pairs(pool: Pool, recipe: EnhancementRecipe) -> list[Pair]:
    """The fixed mixtures of validation, not augmented."""
    rngs = (np.random.default_rng(VALIDATION + i) for i in range(recipe.validation))
    return [render_pair(draw_pair(pool, r, recipe.validation_seconds), pool.load) for r in rngs]


@torch.no_grad()
def validate(model: nn.Module, pairs: list[Pair], put: Callable[[Tensor], Tensor]) -> Metrics:
    """SI-SNR of the enhanced mixtures and its gain, dB; perceptual distance."""
    after, before, distance = [], [], []
    model.eval()
    for start in range(0, len(pairs), 8):
        noisy, clean = (put(x) for x in stacked(pairs[start : start + 8]))
        audio = model(noisy)[0]
        after.append(si_snr(audio, clean))
        before.append(si_snr(noisy, clean))
        distance.append(_perceptual_distance(audio.device)(audio, clean))
    model.train()
    quality, was, heard = (torch.cat(x).mean().item() for x in (after, before, distance))
    return {"si_snr": quality, "si_snr_gain": quality - was, "perceptual": heard}


@torch.no_grad()
def average_with(start: Path, model: nn.Module, share: float) -> None:
    """Moves weights and statistics by that share of the way back to those in `start`."""
    begun = read_tensors(start)
    for name, now in model.state_dict().items():
        if now.is_floating_point():
            now.lerp_(begun[name].to(now.device), share)


def train(
    name: str,
    pools: tuple[Pool, Pool],
    corpus_digest: str,
    out: Path,
    *,
    recipe: EnhancementRecipe | None = None,
    start: Path | None = None,
    devices: Devices | None = None,
    report: Report = lambda step, steps, metrics: None,
) -> dict[str, Any]:
    """Train an enhancer on the pools of train and val, or continue the run in `out`; its metrics.

    start: trained weights, whose second stage this is then. Writes out/NAME.safetensors at the end;
    out/checkpoint.safetensors, out/metrics.jsonl (a line a step) and out/metrics.json on the way.
    """
    recipe, devices = recipe or recipe_of(name), devices or Devices()
    recipe = second_stage(name, recipe) if start else recipe
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = ENHANCERS[name]()
    if start is not None:
        load_weights(start, model)
    optimizer = make_optimizer(model, recipe)
    wrapped, stepper = devices.set_up(model, optimizer)
    training, held_out = pools
    pairs = validation_pairs(held_out, recipe)
    identity = {"variant": name, "recipe": asdict(recipe), "corpus": corpus_digest}
    if start is not None:
        identity["start"] = hashlib.sha256(start.read_bytes()).hexdigest()
    if devices.precision != "fp32":  # a run goes on in the precision that it began in
        identity["precision"] = devices.precision
    files = RunFiles.within(out, recipe.save_every, devices)
    history = run_steps(
        model,
        [optimizer],
        recipe,
        identity,
        files,
        advance=lambda step: train_step(devices, wrapped, stepper, training, recipe, step),
        validate=lambda: validate(model, pairs, devices.put),
        report=report,
    )
    if start is not None:
        average_with(start, model, recipe.start_share)
        mean = {"step": recipe.steps, "start_share": recipe.start_share}
        history.append(mean | {"val": validate(model, pairs, devices.put)})
    if devices.rank == 0:
        gain = match_level(model.eval(), pairs)
        save_weights(out / f"{name}.safetensors", model)
        parameters = sum(p.numel() for p in model.parameters())
        metrics = identity | {"parameters": parameters, "level_gain": gain, "history": history}
        write_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return identity | {"history": history}


def train_enhancer(
    name: str, corpus: Path, out: Path, precision: str = "fp32", start: Path | None = None
) -> dict[str, Any]:
    """`train` on a prepared corpus, with progress on stderr."""
    pools = open_pool(corpus, "train"), open_pool(corpus, "val")
    digest = hashlib.sha256((corpus / MANIFEST).read_bytes()).hexdigest()
    recipe = recipe_of(name)
    steps = (second_stage(name, recipe) if start else recipe).steps
    devices = Devices(precision)
    with shown_progress(name, steps, lambda m: f"SI-SNR {m['si_snr']:6.2f} dB") as show:
        return train(name, pools, digest, out, start=start, devices=devices, report=show)
