"""Means of spikes are fractions, and whole numbers once 1 / area is in the weights behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from neurodeploy.bench.counting.fanout import storage_of, version_of
from neurodeploy.bench.counting.pooling import ADAPTIVE, AVERAGES


class Means:
    """Remembers the mean that was taken last, where a convention folds it into weights."""

    def __init__(self, folds: bool) -> None:
        self.folds = folds
        self._taken: tuple[Tensor, int, int] | None = None

    def take(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> bool:
        """Whether a call of an averaging operator is one whose windows are all alike."""
        area = area_of(name, args, kwargs, out) if self.folds else None
        if area is not None:
            self._taken = (out, version_of(out), area)
        return area is not None

    def sums(self, x: Tensor) -> Tensor:
        """What x was the mean of, as sums, if they are all whole; else x."""
        if self._taken is None or x.is_meta:
            return x
        mean, version, area = self._taken
        same = storage_of(mean) == storage_of(x) and mean.numel() == x.numel()
        if not same or version_of(x) != version:
            return x
        whole = torch.round(x * area)
        return whole if torch.allclose(whole / area, x, rtol=1e-6, atol=0.0) else x


def area_of(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Tensor) -> int | None:
    """What every window is divided by; None where windows differ."""
    x = args[0]
    if name == "mean":
        return int(x.numel() // max(out.numel(), 1))
    if name in ADAPTIVE:
        axes = len(args[1])
        sizes = list(zip(x.shape[-axes:], out.shape[-axes:], strict=True))
        return prod(n // m for n, m in sizes) if all(n % m == 0 for n, m in sizes) else None
    if name not in AVERAGES:
        return None
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor")
    given = dict(zip(names, args[1:], strict=False)) | dict(kwargs)
    if given.get("divisor") is not None:
        return int(given["divisor"])
    padded = any(given.get("padding") or ())
    if given.get("ceil_mode") or (padded and not given.get("count_include_pad", True)):
        return None
    kernel = given["kernel_size"]
    return prod(kernel) if len(kernel) > 1 else kernel[0] ** (x.dim() - 2)
