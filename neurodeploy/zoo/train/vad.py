"""The recipe behind exports/vad.safetensors and exports/vad_zero.safetensors.

    neurodeploy data prepare CORPUS --speech-folder LIBRISPEECH --noise-folder ESC10
    neurodeploy train vad --corpus CORPUS -o RUN

Backpropagation through 2.5 s of time (250 steps), surrogate gradients, AdamW with a warm-up and a
cosine. Batch and learning rate of a step are functions of (seed, step) alone, so a run that was
interrupted continues exactly where its checkpoint is. The loss is the mean binary cross-entropy of
the read-out membrane plus

    rate_weight * sum over hidden layers of relu(mean rate - rate_target)^2 / rate_target^2

which keeps the layers sparse: spikes are what the chip pays for.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.logmel import LogMelConfig
from neurodeploy.zoo.data.vad_sets import SETS, VadData, vad_data
from neurodeploy.zoo.models.vad import VARIANTS, Vad
from neurodeploy.zoo.train.checkpoint import save_weights
from neurodeploy.zoo.train.firing_rates import firing_rates
from neurodeploy.zoo.train.loop import Report, RunFiles, learning_rate, run_steps

# The corpus folder, LibriSpeech, ESC-10 and the run folder are the user's to name.
COMMANDS = (
    "neurodeploy data prepare CORPUS --speech-folder LIBRISPEECH --noise-folder ESC10",
    "neurodeploy train {variant} --corpus CORPUS -o RUN",
    "python -m neurodeploy.bench.detection_chip --corpus CORPUS "
    "--weights RUN/{variant}.safetensors --out RUN",
)


@dataclass(frozen=True)
class VadRecipe:
    """Everything that the trained weights depend on besides the corpus."""

    steps: int = 1200  # optimizer steps
    batch: int = 64  # mixtures per step
    window: int = 250  # time steps of backpropagation: 2.5 s
    lr: float = 4e-3  # peak learning rate
    warmup: int = 50  # steps from 0 to the peak
    weight_decay: float = 1e-3  # AdamW; small weights keep 8 bits fine enough
    clip: float = 1.0  # largest norm of the gradient
    rate_target: float = 0.12  # mean spikes per neuron and step above which a layer pays
    rate_weight: float = 0.1
    level_jitter: int = 6  # features shift by up to this many levels: +- 6 dB of gain
    seed: int = 20240229
    validate_every: int = 100  # steps between validations


def batch_at(data: VadData, recipe: VadRecipe, step: int) -> tuple[Tensor, Tensor]:
    """The batch of a step: features (window, batch, n_mels) and labels (window, batch)."""
    rng = np.random.default_rng((recipe.seed, step))
    frames, mixtures = data.labels.shape
    window = min(recipe.window, frames)
    columns = rng.integers(0, mixtures, size=recipe.batch)
    starts = rng.integers(0, frames - window + 1, size=recipe.batch)
    rows = starts + np.arange(window)[:, None]
    levels = 2 ** LogMelConfig().bits
    shift = rng.integers(-recipe.level_jitter, recipe.level_jitter + 1, size=(recipe.batch, 1))
    x = np.clip(data.x[rows, columns] + np.float32(shift / levels), 0.0, (levels - 1) / levels)
    y = data.labels[rows, columns].astype(np.float32)
    return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y)


def train_step(
    model: Vad, optimizer: torch.optim.Optimizer, data: VadData, recipe: VadRecipe, step: int
) -> dict[str, float]:
    """One optimizer step, in place; its losses and firing rates."""
    x, y = batch_at(data, recipe, step)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(recipe, step)
    with firing_rates(model.lif1, model.lif2) as rates:
        logits = model(x)[..., 0]  # (window, batch)
        r1, r2 = rates()
    loss = functional.binary_cross_entropy_with_logits(logits, y)
    over = [functional.relu(r - recipe.rate_target) / recipe.rate_target for r in (r1, r2)]
    optimizer.zero_grad(set_to_none=True)
    penalty = recipe.rate_weight * (over[0] ** 2 + over[1] ** 2)
    torch.autograd.backward(loss + penalty)
    nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimizer.step()
    return {"loss": loss.item(), "rate1": r1.item(), "rate2": r2.item()}


@torch.no_grad()
def validate(model: Vad, data: VadData) -> dict[str, float]:
    """Loss, frame accuracy at logit 0 and firing rates over a whole set."""
    with firing_rates(model.lif1, model.lif2) as rates:
        logits = model(torch.from_numpy(data.x))[..., 0]
        r1, r2 = rates()
    y = torch.from_numpy(data.labels)
    loss = functional.binary_cross_entropy_with_logits(logits, y.float())
    accuracy = ((logits > 0) == y).float().mean()
    return {
        "loss": float(loss),
        "accuracy": float(accuracy),
        "rate1": float(r1),
        "rate2": float(r2),
        "largest_logit": float(logits.abs().max()),
    }


def make_optimizer(model: Vad, recipe: VadRecipe) -> torch.optim.Optimizer:
    """AdamW; biases are not pulled to zero."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr)


def check_variant(variant: str) -> None:
    """Raise ConfigError unless `variant` names a network of zoo/models/vad.py."""
    if variant not in VARIANTS:
        detail = f"{variant!r} is not one of {', '.join(VARIANTS)}"
        raise ConfigError(Diagnostic("train", "variant-unknown", detail))


def train(
    variant: str,
    train_data: VadData,
    val_data: VadData,
    out: Path,
    *,
    recipe: VadRecipe | None = None,
    report: Report = lambda step, steps, metrics: None,
) -> dict[str, Any]:
    """Train a variant, or continue the run in `out`; its metrics, also in out/metrics.json.

    Writes out/VARIANT.safetensors (the weights after the last step) and out/checkpoint.safetensors
    at each validation. Raises ConfigError for an unknown variant or another recipe's checkpoint.
    """
    recipe = recipe or VadRecipe()
    check_variant(variant)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = VARIANTS[variant]()
    optimizer = make_optimizer(model, recipe)
    identity = {"variant": variant, "recipe": asdict(recipe), "train_set": train_data.digest}
    history = run_steps(
        model,
        [optimizer],
        recipe,
        identity,
        RunFiles(out / "checkpoint.safetensors"),
        advance=lambda step: train_step(model, optimizer, train_data, recipe, step),
        validate=lambda: validate(model, val_data),
        report=report,
    )
    return _finish(model, variant, identity, history, out)


def _finish(
    model: Vad, variant: str, identity: dict[str, Any], history: list[Any], out: Path
) -> dict[str, Any]:
    features = json.dumps(asdict(LogMelConfig()), sort_keys=True)
    save_weights(out / f"{variant}.safetensors", model, {"features": features})
    layers = {"lif1": model.lif1, "lif2": model.lif2, "readout": model.readout}
    metrics = identity | {
        "commands": [command.format(variant=variant) for command in COMMANDS],
        "features": asdict(LogMelConfig()),
        "torch": torch.__version__.split("+")[0],
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "beta": {name: layer.beta.item() for name, layer in layers.items()},
        "history": history,
    }
    write_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics


def train_vad(corpus: Path, variant: str, out: Path) -> dict[str, Any]:
    """Features of both sets (kept in corpus/features), then `train`; progress on stderr."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    check_variant(variant)
    torch.set_num_threads(1)  # one order of summation; layers this small gain nothing from more
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        data = {}
        for name in ("train", "val"):
            task = bar.add_task(f"features of the {name} set", total=SETS[name].count)
            data[name] = vad_data(
                corpus,
                SETS[name],
                cache=corpus / "features" / f"vad_{name}.npz",
                progress=lambda done, total, task=task: bar.update(task, completed=done),  # type: ignore[misc]
            )
        task = bar.add_task(variant, total=VadRecipe().steps)

        def show(step: int, steps: int, m: dict[str, float]) -> None:
            text = f"{variant}  loss {m['loss']:.3f}  rates {m['rate1']:.2f} {m['rate2']:.2f}"
            bar.update(task, completed=step, description=text)

        return train(variant, data["train"], data["val"], out, report=show)
