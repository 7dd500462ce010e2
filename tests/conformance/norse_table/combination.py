"""A cell of the table: a Norse layer or network with one option."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

DT: Final = 1e-3
N: Final = 6  # neurons, and inputs, of a layer alone
IMAGE: Final = (1, 6, 6)


@dataclass(frozen=True)
class Combination:
    """`build` makes the module, always the same; `gain` is the size of its input."""

    layer: str
    option: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = (N,)
    gain: float = 2.0

    def module(self) -> nn.Module:
        torch.manual_seed(0)
        return self.build()
