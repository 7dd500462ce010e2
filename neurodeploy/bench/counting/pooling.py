"""Additions and comparisons of pooling, exact at windows of unequal size."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final

from torch import Tensor

from neurodeploy.bench.counting.arithmetic import ADD, COMPARE, MULTIPLY, Arithmetic

AVERAGES: Final = frozenset({"avg_pool1d", "avg_pool2d", "avg_pool3d"})
ADAPTIVE: Final = frozenset({"_adaptive_avg_pool2d", "_adaptive_avg_pool3d"})
MAXIMA: Final = frozenset({"max_pool2d_with_indices", "max_pool3d_with_indices"})
ADAPTIVE_MAXIMA: Final = frozenset({"adaptive_max_pool2d", "adaptive_max_pool3d"})
POOLS: Final = AVERAGES | ADAPTIVE | MAXIMA | ADAPTIVE_MAXIMA


def pool_ops(
    name: str, x: Tensor, out: Tensor, args: Sequence[Any]
) -> tuple[tuple[Arithmetic, int], ...]:
    """Of one call: taps - windows additions, or comparisons, and a multiplication a mean.

    A window of a pool with padding is counted with all its taps.
    """
    if name in ADAPTIVE or name in ADAPTIVE_MAXIMA:
        sizes = zip(x.shape[-_axes(name) :], out.shape[-_axes(name) :], strict=True)
        taps = prod(x.shape[: -_axes(name)]) * prod(_adaptive_taps(n, m) for n, m in sizes)
    else:
        kernel = args[1] if isinstance(args[1], Sequence) else [args[1]]
        taps = out.numel() * (prod(kernel) if len(kernel) > 1 else kernel[0] ** _axes(name))
    joined = taps - out.numel()
    if name in MAXIMA or name in ADAPTIVE_MAXIMA:
        return ((COMPARE, joined),)
    return (ADD, joined), (MULTIPLY, out.numel())


def _axes(name: str) -> int:
    return int(name[name.index("pool") + 4])


def _adaptive_taps(inputs: int, outputs: int) -> int:
    """Taps of all windows along an axis: window i covers floor(i n / m) to ceil((i + 1) n / m)."""
    return sum(-(-(i + 1) * inputs // outputs) - i * inputs // outputs for i in range(outputs))
