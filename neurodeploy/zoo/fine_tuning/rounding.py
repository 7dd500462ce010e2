"""Roundings that let gradients through: the rounded value forwards, the identity backwards.

Straight-through estimators: Bengio, Leonard & Courville 2013, arXiv:1308.3432.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class _Floored(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.floor()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def rounded(x: Tensor) -> Tensor:
    """The nearest integer, halves to even."""
    result: Tensor = _Rounded.apply(x)  # type: ignore[no-untyped-call]
    return result


def floored(x: Tensor) -> Tensor:
    """The largest integer that is not above x."""
    result: Tensor = _Floored.apply(x)  # type: ignore[no-untyped-call]
    return result
