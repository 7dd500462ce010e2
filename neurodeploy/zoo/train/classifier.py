"""Training of the zoo's classifiers: spiking networks that name the class of a whole recording.

Backpropagation through all time steps, surrogate gradients, AdamW with a warm-up and a cosine.
Batch, augmentation and learning rate of a step are functions of (seed, step) alone. The loss is the
cross-entropy of the read-out membrane's mean over time plus

    rate_weight * relu(mean rate / rate_target - 1)^2

which keeps the hidden layer sparse. After each step the parameters are put back into the ranges of
the recipe: a current that never decays fits no chip's 24 bits, and one large weight makes the
integers of all others coarse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.whole_files import write_text
from neurodeploy.zoo.data.sequences import Levels, Sequences, Split, decide
from neurodeploy.zoo.level_crossings import Spikes
from neurodeploy.zoo.models.braille import Braille
from neurodeploy.zoo.models.digits import Digits
from neurodeploy.zoo.train.checkpoint import save_weights
from neurodeploy.zoo.train.firing_rates import firing_rates
from neurodeploy.zoo.train.loop import Metrics, Report, RunFiles, learning_rate, run_steps

Network = Digits | Braille
NEURON_PARAMETERS = ("alpha", "beta", "threshold")


@dataclass(frozen=True)
class ClassifierRecipe:
    """Everything that the trained weights depend on besides data and augmentation."""

    steps: int = 1000  # optimizer steps
    batch: int = 64  # recordings per step
    lr: float = 3e-3  # peak learning rate of the weights
    neuron_lr: float = 0.3  # learning rate of decays and thresholds, as a share of the weights'
    warmup: int = 30  # steps from 0 to the peak
    weight_decay: float = 1e-3  # AdamW, of the weights only
    clip: float = 1.0  # largest norm of the gradient
    peak: float = 4.0  # largest weight, in root mean squares of its matrix
    rate_target: float = 0.1  # mean spikes per neuron and step above which the layer pays
    rate_weight: float = 0.1
    alpha: tuple[float, float] = (0.0, 0.97)  # range of a current's decay per step
    beta: tuple[float, float] = (0.0, 0.985)  # of a membrane's
    threshold: tuple[float, float] = (0.3, 3.0)
    seed: int = 20240229
    validate_every: int = 100  # steps between validations


@dataclass(frozen=True)
class Classification:
    """A network and what it is trained with; `lif` is its one hidden layer.

    encode: levels (T, B, N) -> spikes (T, B, channels); augment: levels of a batch -> others.
    """

    name: str
    make: Callable[[], Network]
    encode: Callable[[Levels], Spikes]
    augment: Callable[[Levels, np.random.Generator], Levels]
    recipe: ClassifierRecipe
    facts: Mapping[str, Any] = field(default_factory=dict)  # of data and augmentation, for the file


def batch_at(task: Classification, data: Sequences, step: int) -> tuple[Tensor, Tensor]:
    """The batch of a step: spikes (T, batch, channels) and classes (batch,)."""
    rng = np.random.default_rng((task.recipe.seed, step))
    size = min(task.recipe.batch, len(data.labels))
    which = rng.choice(len(data.labels), size, replace=False)
    x = task.encode(task.augment(data.levels[:, which], rng))
    return torch.from_numpy(x).float(), torch.from_numpy(data.labels[which])


def train_step(
    task: Classification,
    model: Network,
    optimizer: torch.optim.Optimizer,
    data: Sequences,
    step: int,
) -> Metrics:
    """One optimizer step, in place; its loss, accuracy and firing rate."""
    recipe = task.recipe
    x, y = batch_at(task, data, step)
    rate = learning_rate(recipe, step)
    for group, share in zip(optimizer.param_groups, (1.0, recipe.neuron_lr), strict=True):
        group["lr"] = rate * share
    with firing_rates(model.lif) as rates:
        logits = model(x).mean(dim=0)  # (batch, C)
        (fired,) = rates()
    loss = functional.cross_entropy(logits, y)
    penalty = recipe.rate_weight * functional.relu(fired / recipe.rate_target - 1.0) ** 2
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss + penalty)
    nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimizer.step()
    _confine(model, recipe)
    hits = (logits.argmax(dim=1) == y).float().mean()
    return {"loss": loss.item(), "accuracy": hits.item(), "rate": fired.item()}


@torch.no_grad()
def _confine(model: Network, recipe: ClassifierRecipe) -> None:
    """Puts decays, thresholds and weights back into their ranges."""
    for name, parameter in model.named_parameters():
        own = name.rpartition(".")[2]
        if own in NEURON_PARAMETERS:
            parameter.clamp_(*getattr(recipe, own))
        elif own == "weight":
            limit = recipe.peak * parameter.square().mean().sqrt().item()
            parameter.clamp_(-limit, limit)


@torch.no_grad()
def score(task: Classification, model: Network, data: Sequences) -> Metrics:
    """Loss, accuracy and firing rate over a whole set."""
    with firing_rates(model.lif) as rates:
        membranes = model(torch.from_numpy(task.encode(data.levels)).float())
        (fired,) = rates()
    loss = functional.cross_entropy(membranes.mean(dim=0), torch.from_numpy(data.labels))
    right = decide(membranes.double().numpy()) == data.labels
    return {"loss": loss.item(), "accuracy": float(right.mean()), "rate": fired.item()}


def make_optimizer(model: Network, recipe: ClassifierRecipe) -> torch.optim.Optimizer:
    """AdamW with two groups: the weights, and the neurons' parameters, which do not decay."""
    weights: list[nn.Parameter] = []
    neurons: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            own = name.rpartition(".")[2] in NEURON_PARAMETERS
            (neurons if own else weights).append(parameter)
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": neurons, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr)


def train(
    task: Classification,
    split: Split,
    out: Path,
    *,
    report: Report = lambda step, steps, metrics: None,
) -> dict[str, Any]:
    """Train, or continue the run in `out`; its metrics, also in out/metrics.json.

    Writes out/NAME.safetensors (the weights after the last step; the test set is scored with them
    once, at the end) and out/checkpoint.safetensors at each validation. Raises ConfigError for
    the checkpoint of another recipe or data set.
    """
    recipe = task.recipe
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = task.make()
    optimizer = make_optimizer(model, recipe)
    identity = json.loads(
        json.dumps(
            {
                "variant": task.name,
                "recipe": asdict(recipe),
                **task.facts,
                "train_set": split.train.digest,
            }
        )
    )
    history = run_steps(
        model,
        [optimizer],
        recipe,
        identity,
        RunFiles(out / "checkpoint.safetensors"),
        advance=lambda step: train_step(task, model, optimizer, split.train, step),
        validate=lambda: score(task, model, split.val),
        report=report,
    )
    save_weights(out / f"{task.name}.safetensors", model)
    sizes = {name: len(getattr(split, name).labels) for name in ("train", "val", "test")}
    metrics = identity | {
        "torch": torch.__version__.split("+")[0],
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "recordings": sizes,
        "test": score(task, model, split.test),
        "history": history,
    }
    write_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics
