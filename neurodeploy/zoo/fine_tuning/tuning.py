"""The loop: a real Program is compiled, trained through its integers, and handed back as integers.

AdamW on the real weights and biases behind the integers, gradients clipped to norm 1, the learning
rate half a cosine from `lr` down to 2 % of it. The same batches give the same result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import nir
import torch
from torch import Tensor, nn

from neurodeploy import pipeline
from neurodeploy.errors import ConfigError, DataError, Diagnostic, QuantizationError
from neurodeploy.hardware import Hardware
from neurodeploy.ir.inputs import Inputs
from neurodeploy.ir.program import Program
from neurodeploy.ir.verify import verify_program
from neurodeploy.passes.quantize import LayerReport, Options, with_reports
from neurodeploy.pipeline import Compiled
from neurodeploy.zoo.fine_tuning.network import FixedNetwork, Messages
from neurodeploy.zoo.fine_tuning.resuming import Progress, batches_from
from neurodeploy.zoo.fine_tuning.selection import Score, Selection

Batches = Collection[tuple[Any, Any]]
Loss = Callable[[Any, Any], Tensor]
Penalty = Callable[[Messages], Tensor]
Report = Callable[[int, int, float], None]

CLIP = 1.0
LAST_RATE = 0.02


@dataclass(frozen=True)
class FineTuned:
    """What training through the integers gave.

    program: integers in hardware time, as `compile` gives them; real: the real Program that they
    stand for; layers: how far they are from it on the calibration data, by population: its weights
    and biases are theirs, its decays and thresholds not rounded; compiled: the integers before
    training, in the real Program's time;
    network: the trained module; losses: mean of each epoch; scores, if asked for: before training
    and then each time; kept: the step whose weights these are, 0 where training helped nothing.
    """

    program: Program
    real: Program
    compiled: Compiled
    network: FixedNetwork
    losses: tuple[float, ...]
    scores: tuple[float, ...] = ()
    layers: tuple[LayerReport, ...] = ()
    kept: int = 0

    @property
    def within_steps(self) -> Program:
        """`program` in the real Program's time: what is sent arrives in the same step."""
        fixed = with_reports(self.network.to_program(), self.layers)
        return replace(fixed, meta={**fixed.meta, "fine_tuned": f"{self.kept} steps"})


def fine_tune(
    source: nir.NIRGraph | Program | str | Path,
    data: Batches,
    loss: Loss,
    *,
    calibration: Inputs,
    hardware: Hardware | str = "loihi2",
    options: Options | None = None,
    epochs: int = 3,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    slope: float = 5.0,
    dt: float | None = None,
    discretisation: str | None = None,
    penalty: Penalty | None = None,
    score: Score | None = None,
    score_every: int | None = None,
    device: str = "cpu",
    checkpoint: Path | None = None,
    save_every: int = 20,
    report: Report = lambda step, steps, loss: None,
) -> FineTuned:
    """Trains weights and biases so that the fixed Program, not the real one, has a small loss.

    data: batches (x, target) that can be gone through once an epoch, a DataLoader or a list;
    x `(T, B, *shape)` (one sample `(T, *shape)`), target whatever the loss takes.
    loss(output, target): output `(T, B, *out)` in real units: spikes, or the read-out membrane;
    a dict by name if the Program has several outputs. penalty(messages) is added: messages holds
    `(T, B, *shape)` of every population by name (to bound firing rates, for one).
    score(network): larger is better. The rounded network is scored first, then that after each
    epoch or `score_every` steps and the last step, and the best weights are kept: never worse than
    rounding by this score (so not of test data). Without a score the last step's are.
    calibration, hardware, options, dt: as for `compile`; calibrated rounding starts the training at
    its integers, the nearest at the real weights. slope: of the surrogate gradient, in real
    membrane units.
    checkpoint: a file that holds the state every `save_every` steps; where it is there, the run
    goes on from it, and if the data come in the same order, ends with the same bits.

    Raises what `compile` raises, DataError for a loss that is not finite, and ConfigError for a
    checkpoint of another run.
    """
    if epochs < 1 or len(data) == 0:
        raise ConfigError(Diagnostic("fine_tune", "epochs", f"{epochs} of {len(data)} batches"))
    chip = pipeline.chip_of(hardware)
    real = pipeline.load(source, dt, discretisation)
    compiled = pipeline.to_integers(real, chip, calibration, options)
    calibrated = options is not None and options.rounding == "calibrated"
    network = FixedNetwork(compiled.program, compiled.real, slope, calibrated).to(device)
    if not any(p.requires_grad for p in network.parameters()):
        detail = "nothing to train: all weights lead to or from state spaces, or are elementwise"
        raise QuantizationError(Diagnostic(compiled.program.name, "fine-tuning", detail))
    total = epochs * len(data)
    optimizer = torch.optim.AdamW(_groups(network, weight_decay), lr=lr)
    selection = Selection(network, score)
    settings = {"steps": total, "lr": lr, "weight_decay": weight_decay, "slope": slope}
    run = Progress(checkpoint, save_every, network, optimizer, selection, settings)
    run.resume()
    for epoch in range(len(run.losses) // len(data), epochs):
        for x, target in batches_from(data, len(run.losses) - epoch * len(data)):
            step = len(run.losses) + 1
            for group in optimizer.param_groups:
                group["lr"] = lr * _share((step - 1) / total)
            value = _train_step(network, optimizer, x, target, loss, penalty)
            report(step, total, value)
            if step % (score_every or len(data)) == 0 or step == total:
                selection.offer(step)
            run.taken(value, last=step == total)
    selection.restore()
    fixed = network.to_program()
    verify_program(fixed)
    tuned = network.to_real()
    objective = (options or Options()).objective
    layers = pipeline.diagnose(tuned, fixed, calibration, "tuned", objective)
    program = with_reports(pipeline.to_hardware_time(fixed, chip, calibration), layers)
    kept, scores = selection.kept, tuple(selection.scores)
    program = replace(program, meta={**program.meta, "fine_tuned": f"{kept} steps"})
    losses = tuple(fmean(run.losses[i : i + len(data)]) for i in range(0, total, len(data)))
    return FineTuned(program, tuned, compiled, network, losses, scores, layers, kept)


def _train_step(
    network: FixedNetwork,
    optimizer: torch.optim.Optimizer,
    x: Any,
    target: Any,
    loss: Loss,
    penalty: Penalty | None,
) -> float:
    messages = network.run(x)
    value = loss(network.output(messages), target)
    if penalty is not None:
        value = value + penalty(messages)
    if not torch.isfinite(value):
        detail = f"is {value.item()}"
        raise DataError(Diagnostic("loss", "finite", detail, "lower the learning rate"))
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(value)
    nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimizer.step()
    network.confine()
    return value.item()


def _share(done: float) -> float:
    """Of the learning rate, after this part of all steps."""
    return LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * done))


def _groups(network: FixedNetwork, weight_decay: float) -> list[dict[str, Any]]:
    """Biases are not pulled to zero."""
    return [
        {"params": network.synapses.parameters(), "weight_decay": weight_decay},
        {"params": network.populations.parameters(), "weight_decay": 0.0},
    ]
