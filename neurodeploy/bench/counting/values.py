"""What flows into a layer, counted by value: nonzero activations times the weights they reach.

One pass over the activations with the fan-out of every position takes the place of a second run of
the layer. Sums are 64-bit integers.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from neurodeploy.backends.cpu.compilation import compiled_helper
from neurodeploy.bench.counting.convention import LARGEST_INTEGER
from neurodeploy.bench.counting.record import ByValue

Array = np.ndarray[Any, np.dtype[Any]]
BINARY, TERNARY, INTEGER, GRADED = range(4)
REPEATED: Final = 4
NONZERO: Final = 5
SLOTS: Final = 6


class Tally:
    """Running sums of one row: by value as `ByValue`, and how many activations were not zero."""

    def __init__(self) -> None:
        self._sums = np.zeros(SLOTS, dtype=np.int64)
        self._elsewhere: Tensor | None = None

    def add(
        self,
        x: Tensor,
        shape: tuple[int, int, int, int],
        reach: Tensor,
        kinds: Tensor | None = None,
        by_call: bool = False,
    ) -> None:
        """Adds one call.

        x: activations, of `shape` (G, U, C, S): units U of decision in each of G groups; reach:
        int64 `(1 or G, 1 or C, 1 or S)`, the weights that a position meets; kinds: `(G,)`, the best
        (lowest) kind that the other operand allows its group; by_call: all units decide together.
        """
        if x.is_cpu:
            values = _plain(x).reshape(shape)
            limits = _LIMITLESS if kinds is None else kinds.numpy()
            _kernel()(values, reach.numpy(), limits, by_call, self._sums)
        else:
            found = tally_on_device(x.reshape(shape), reach, kinds, by_call)
            self._elsewhere = found if self._elsewhere is None else self._elsewhere + found

    @property
    def sums(self) -> list[int]:
        elsewhere = 0 if self._elsewhere is None else self._elsewhere.cpu().numpy()
        return [int(n) for n in self._sums + elsewhere]

    @property
    def by_value(self) -> ByValue:
        s = self.sums
        return ByValue(s[BINARY], s[TERNARY], s[INTEGER], s[REPEATED], s[GRADED])

    @property
    def nonzero(self) -> int:
        return self.sums[NONZERO]


_LIMITLESS: Final = np.array([GRADED], dtype=np.int64)
_PLAIN: Final = (torch.float32, torch.float64)
_NOTHING: Final = torch.zeros((1, 1, 1), dtype=torch.int64)


def kinds_of(x: Tensor) -> Tensor:
    """int64 `(G,)`: what the values of each `x[g]` all are; x is `(G, ...)`."""
    if not x.is_cpu:
        return kinds_on_device(x.flatten(1))
    in_order = x.dim() < 3 or x.is_contiguous() or not x.mT.is_contiguous()
    values = _plain(x if in_order else x.mT).reshape(len(x), x[:1].numel())
    found = np.zeros(len(values), dtype=np.int64)
    _classifier()(values, found)
    return torch.from_numpy(found)


def count_nonzero(x: Tensor, tally: Tally) -> None:
    """Adds the number of values that are not zero."""
    tally.add(x, (1, 1, 1, x.numel()), _NOTHING if x.is_cpu else _NOTHING.to(x.device))


def has_zero(x: Tensor) -> bool:
    """Whether a value is zero."""
    x = x.detach()
    return not bool(x.numpy().all() if x.is_cpu and x.dtype in _PLAIN else x.all())


def _plain(x: Tensor) -> Array:
    """float32 or float64 in C order, with the same zeros and the same kinds of values."""
    if x.dtype not in _PLAIN:
        x = x.to(torch.float64 if x.dtype in (torch.int64, torch.int32) else torch.float32)
    return np.ascontiguousarray((x.detach() if x.requires_grad else x).numpy())


@functools.cache
def _kernel() -> Any:
    return compiled_helper(tally_values)


@functools.cache
def _classifier() -> Any:
    return compiled_helper(classify_groups)


def classify_groups(values: Array, found: Array) -> None:
    """`kinds_of` for `(G, N)` arrays."""
    for g in range(values.shape[0]):
        found[g] = kind_of_row(values[g])


def kind_of_row(row: Array) -> int:
    kind = 0
    for v in row:
        if v == 0 or v == 1:
            continue
        if v == -1:
            kind = max(kind, 1)
        elif abs(v) <= LARGEST_INTEGER and v == np.floor(v):
            kind = 2
        else:
            return 3
    return kind


def counts_of_row(row: Array) -> tuple[int, int]:
    """How many values are not zero, and how many are one.

    In a form that compiles to vector instructions, which takes a seventh of the time.
    """
    nonzero, ones = np.int64(0), np.int64(0)
    for i in range(row.size):
        nonzero += np.int64(row[i] != 0)
        ones += np.int64(row[i] == 1)
    return nonzero, ones


def reach_of_row(row: Array, reach: Array) -> int:
    """Sum of the fan-out of the values that are not zero."""
    total = 0
    for i in range(row.size):
        total += reach[i] if row[i] != 0 else 0
    return total


def repeated_of_row(row: Array, reach: Array) -> int:
    """Sum of the fan-out, each value's as often as its magnitude says."""
    total = 0
    for i in range(row.size):
        total += reach[min(i, reach.size - 1)] * int(abs(row[i]))
    return total


def tally_values(values: Array, reach: Array, limits: Array, by_call: bool, sums: Array) -> None:
    """`Tally.add` on arrays; sums: int64 `(SLOTS,)`, added to."""
    groups, units, channels = values.shape[:3]
    worst = 0
    if by_call:
        for g in range(groups):
            for u in range(units):
                worst = max(worst, kind_of_row(values[g, u].reshape(-1)))
    for g in range(groups):
        fan = reach[min(g, reach.shape[0] - 1)]
        limit = limits[min(g, limits.size - 1)]
        for u in range(units):
            row = values[g, u].reshape(-1)
            nonzero, ones = counts_of_row(row)
            kind = worst
            if not by_call:
                kind = 0 if nonzero == ones else kind_of_row(row)
            kind = min(kind, limit)
            sums[5] += nonzero
            if fan.size == 1 and kind != 2:
                sums[kind] += nonzero * fan[0, 0]
                continue
            for c in range(channels):
                along = fan[min(c, fan.shape[0] - 1)]
                part = values[g, u, c]
                if along.size == 1:
                    sums[kind] += counts_of_row(part)[0] * along[0]
                else:
                    sums[kind] += reach_of_row(part, along)
                if kind == 2:
                    sums[4] += repeated_of_row(part, along)


def tally_on_device(x: Tensor, reach: Tensor, kinds: Tensor | None, by_call: bool) -> Tensor:
    """What `Tally.add` adds, by torch on x's device, without waiting for it."""
    decided = kinds_on_device(x.reshape(x.shape[0] * x.shape[1], -1)).reshape(x.shape[:2])
    if by_call:
        decided = decided.max().expand_as(decided)
    if kinds is not None:
        decided = torch.minimum(decided, kinds[:, None])
    fan = reach[:, None]
    taken = ((x != 0) * fan).sum((2, 3))
    often = (x.abs().clamp(max=LARGEST_INTEGER).to(torch.int64) * fan).sum((2, 3))
    parts = [taken[decided == kind].sum() for kind in range(4)]
    return torch.stack([*parts, often[decided == INTEGER].sum(), (x != 0).sum()])


def kinds_on_device(rows: Tensor) -> Tensor:
    size = rows.abs()
    spikes = (rows == 0) | (rows == 1)
    whole = (size <= LARGEST_INTEGER) & (rows == rows.floor() if rows.is_floating_point() else True)
    below = [(~spikes).any(1), (~(spikes | (size == 1))).any(1), (~whole).any(1)]
    return torch.stack(below).sum(0)
