"""Fine-tuning of the voice activity detectors through the chip's integers, as they were trained.

The same batches, loss and price of spikes as zoo/train/vad.py, for fewer steps at a smaller rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor
from torch.nn import functional

from neurodeploy.ir.inputs import Inputs
from neurodeploy.passes.quantize import Options
from neurodeploy.zoo.data.vad_sets import VadData
from neurodeploy.zoo.fine_tuning import FineTuned, fine_tune
from neurodeploy.zoo.fine_tuning.network import Messages
from neurodeploy.zoo.fine_tuning.tuning import Report
from neurodeploy.zoo.models.vad import VadConfig
from neurodeploy.zoo.train.vad import VadRecipe, batch_at

HIDDEN = ("lif1", "lif2")


@dataclass(frozen=True)
class VadFineTuning:
    """What the result depends on besides the network, the corpus and the weight bits."""

    steps: int = 120  # optimizer steps
    lr: float = 1e-3  # peak learning rate: a quarter of the training's
    recipe: VadRecipe = field(default_factory=VadRecipe)  # batches and the price of spikes


@dataclass(frozen=True)
class Batches:
    """Batch i is a function of the recipe's seed and i; none of them was in the training."""

    data: VadData
    tuning: VadFineTuning

    def __len__(self) -> int:
        return self.tuning.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        first = self.tuning.recipe.steps
        for step in range(first, first + len(self)):
            yield batch_at(self.data, self.tuning.recipe, step)


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean binary cross-entropy of the read-out `(T, B, 1)` for labels `(T, B)`."""
    return functional.binary_cross_entropy_with_logits(logits[..., 0], labels)


def rate_penalty(messages: Messages, recipe: VadRecipe) -> Tensor:
    """What hidden layers pay for mean rates above the target; see zoo/train/vad.py."""
    rates = (messages[name].mean() for name in HIDDEN)
    over = (functional.relu(r - recipe.rate_target) / recipe.rate_target for r in rates)
    price: Tensor = sum(o**2 for o in over)  # type: ignore[assignment]
    return recipe.rate_weight * price


def fine_tune_vad(
    graph: Path,
    data: VadData,
    calibration: Inputs,
    options: Options,
    *,
    tuning: VadFineTuning | None = None,
    report: Report = lambda step, steps, loss: None,
) -> FineTuned:
    """The exported detector (a .nir with its manifest) trained at these weight bits."""
    tuning = tuning or VadFineTuning()
    return fine_tune(
        graph,
        Batches(data, tuning),  # type: ignore[arg-type]
        loss,
        calibration=calibration,
        options=options,
        epochs=1,
        lr=tuning.lr,
        slope=VadConfig().slope,
        penalty=lambda messages: rate_penalty(messages, tuning.recipe),
        report=report,
    )
