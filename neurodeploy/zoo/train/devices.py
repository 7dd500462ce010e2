"""Where training runs: CPU, one GPU or several, in full or mixed precision, by Lightning Fabric.

    neurodeploy train …                            one device: a GPU where there is one
    fabric run --devices 4 -m neurodeploy train …  one process a GPU; gradients are averaged

Only precisions whose state is the model's and the optimizer's are offered, so that a checkpoint
holds all of it: float16 would add a loss scale.
"""

from __future__ import annotations

import importlib
import math
import os
from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.errors import BackendUnavailable, ConfigError, Diagnostic

PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed"}
"""Fabric's words for ours."""


class Devices:
    """What a training step needs of Fabric."""

    def __init__(self, precision: str = "fp32", accelerator: str = "auto") -> None:
        if precision not in PRECISIONS:
            detail = f"{precision!r} is not one of {', '.join(PRECISIONS)}"
            raise ConfigError(Diagnostic("train", "precision-unknown", detail))
        try:
            fabric = importlib.import_module("lightning_fabric")
        except ImportError as error:
            raise BackendUnavailable(
                Diagnostic(
                    "lightning_fabric",
                    "package-missing",
                    f"training needs the Python package lightning-fabric ({error})",
                    'pip install "neurodeploy[training]"',
                )
            ) from error
        # `fabric run` says how many in LT_DEVICES, which an argument would contradict
        devices = "auto" if "LT_DEVICES" in os.environ else 1
        self.precision = precision
        self._fabric: Any = fabric.Fabric(
            accelerator=accelerator, devices=devices, precision=PRECISIONS[precision]
        )
        self._fabric.launch()

    @property
    def rank(self) -> int:
        return int(self._fabric.global_rank)

    @property
    def count(self) -> int:
        return int(self._fabric.world_size)

    def set_up(
        self, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Both moved to the device and wrapped for its precision."""
        model, optimizer = self._fabric.setup(model, optimizer)
        return model, optimizer

    def place(self, model: nn.Module) -> nn.Module:
        """A model that is not trained, moved to the device."""
        moved: nn.Module = self._fabric.to_device(model)
        return moved

    def put(self, x: Tensor) -> Tensor:
        moved: Tensor = self._fabric.to_device(x)
        return moved

    def backward(
        self, loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer, clip: float
    ) -> float:
        """Gradients of `loss`, scaled down to norm `clip`; their norm before."""
        self._fabric.backward(loss)
        norm = self._fabric.clip_gradients(
            model, optimizer, max_norm=clip, error_if_nonfinite=False
        )
        return float(norm)

    def update(
        self, loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer, clip: float
    ) -> float:
        """One step along the gradients of `loss`, left out where they are not finite (as
        the N-DNS challenge's baseline does); their norm."""
        optimizer.zero_grad(set_to_none=True)
        norm = self.backward(loss, model, optimizer, clip)
        if math.isfinite(norm):
            optimizer.step()
        return norm
