"""Adversarial training: judges that learn to tell recordings from what is made, and deceiving them.

    judges      w_MPD D(MPD) + w_MRD D(MRD), one optimizer step a batch
    deception   w_MPD G(MPD) + w_MRD G(MRD)
    features    the same of the distances of feature maps

D, G and distances are those of zoo/train/vocoder_losses.py: means over discriminators of a kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurodeploy.zoo.models.discriminators import Discriminators
from neurodeploy.zoo.train.devices import Devices
from neurodeploy.zoo.train.vocoder_losses import (
    deception_loss,
    discriminator_loss,
    feature_loss,
)


@dataclass(frozen=True)
class Rules:
    """How judges learn and count."""

    weights: tuple[float, float]  # of the MPD's terms and of the MRD's
    clip: float  # largest norm of their gradient
    squares: bool = False  # least squares, or hinge losses


class Judging:
    """Judges, their optimizer, and what they say of a batch: audio (B, samples), equally long."""

    def __init__(
        self,
        judges: Discriminators,
        optimizer: torch.optim.Optimizer,
        rules: Rules,
        devices: Devices,
    ) -> None:
        self._judges, self._rules, self._devices = judges, rules, devices
        self._wrapped, self._stepper = devices.set_up(judges, optimizer)

    def learn(self, real: Tensor, made: Tensor, lr: float) -> float:
        """One step of the judges; their loss. No gradient reaches `made`."""
        for group in self._stepper.param_groups:
            group["lr"] = lr
        rules = self._rules
        of_real, of_made = self._wrapped(real), self._wrapped(made.detach())
        losses = [
            weight * discriminator_loss(r, m, squares=rules.squares)
            for weight, r, m in zip(rules.weights, of_real, of_made, strict=True)
        ]
        loss = torch.stack(losses).sum()
        self._devices.update(loss, self._wrapped, self._stepper, rules.clip)
        return loss.item()

    def deception(self, real: Tensor, made: Tensor) -> dict[str, Tensor]:
        """What `made` still lacks, for its maker's gradient alone."""
        self._judges.requires_grad_(False)
        with torch.no_grad():
            of_real = self._judges(real)
        of_made = self._judges(made)
        self._judges.requires_grad_(True)
        rules = self._rules
        groups = list(zip(rules.weights, of_real, of_made, strict=True))
        deceived = [w * deception_loss(m, squares=rules.squares) for w, _, m in groups]
        return {
            "deception": torch.stack(deceived).sum(),
            "features": torch.stack([w * feature_loss(r, m) for w, r, m in groups]).sum(),
        }
