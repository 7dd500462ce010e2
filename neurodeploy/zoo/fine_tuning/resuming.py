"""Fine-tuning that can be stopped at any time: where it stood, on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.zoo.fine_tuning.network import FixedNetwork
from neurodeploy.zoo.fine_tuning.selection import Selection
from neurodeploy.zoo.train.checkpoint import (
    load_checkpoint,
    read_numbers,
    read_tensors,
    save_checkpoint,
    write_tensors,
)


@dataclass
class Progress:
    """The losses of the steps that were taken, in memory and, with a `path`, on disk.

    identity: what the run depends on; the network's weights at the start are added to it.
    """

    path: Path | None
    every: int  # steps between checkpoints
    network: FixedNetwork
    optimizer: torch.optim.Optimizer
    selection: Selection
    identity: dict[str, Any]
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        weights = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            weights.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
        self.identity = self.identity | {"start": weights.hexdigest()}

    def resume(self) -> None:
        """Takes over what is on disk. ConfigError for a checkpoint of another run."""
        if self.path is None or not self.path.is_file():
            self.selection.offer(0)
            return
        numbers = read_numbers(self.path)
        if numbers["identity"] != self.identity:
            detail = "made of another network, of other integers or with other settings"
            hint = "give another place, or delete it"
            raise ConfigError(Diagnostic(str(self.path), "checkpoint-foreign", detail, hint))
        load_checkpoint(self.path, self.network, [self.optimizer])
        self.losses = list(numbers["losses"])
        self.selection.scores, self.selection.kept = list(numbers["scores"]), numbers["kept"]
        if self._best.is_file():
            self.selection.weights = read_tensors(self._best)

    def taken(self, loss: float, last: bool) -> None:
        """One step more."""
        self.losses.append(loss)
        if self.path is None or (len(self.losses) % self.every and not last):
            return
        if self.selection.weights:  # first: scores that a stop leaves out are found again
            write_tensors(self._best, self.selection.weights)
        numbers = {
            "step": len(self.losses),
            "identity": self.identity,
            "losses": self.losses,
            "scores": self.selection.scores,
            "kept": self.selection.kept,
        }
        save_checkpoint(self.path, self.network, [self.optimizer], numbers)

    @property
    def _best(self) -> Path:
        assert self.path is not None
        return self.path.with_name(f"{self.path.stem}_best.safetensors")


def batches_from(data: Any, first: int) -> Any:
    """Those of an epoch from that one on; where they have no index, the others are drawn too."""
    if hasattr(data, "__getitem__"):
        return (data[i] for i in range(first, len(data)))
    return islice(iter(data), first, None)
