"""Which of the weights that fine-tuning went through are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from neurodeploy.zoo.fine_tuning.network import FixedNetwork

Score = Callable[[FixedNetwork], float]


@dataclass
class Selection:
    """The weights with the largest score so far; without a score the last."""

    network: FixedNetwork
    score: Score | None
    scores: list[float] = field(default_factory=list)
    kept: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)

    @torch.no_grad()
    def offer(self, step: int) -> None:
        """The weights of now, after that many steps: of equal ones the earlier are kept."""
        if self.score is None:
            self.kept = step
            return
        self.scores.append(self.score(self.network))
        if not self.weights or self.scores[-1] > max(self.scores[:-1]):
            self.kept = step
            self.weights = {k: v.clone() for k, v in self.network.state_dict().items()}

    def restore(self) -> None:
        """Brings the best weights back."""
        if self.weights:
            self.network.load_state_dict(self.weights)
