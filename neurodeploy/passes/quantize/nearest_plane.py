"""Multiples of a step near the minimum of a quadratic error: nearest plane, then single steps.

    error(q) = (q - m)^T H (q - m)      H positive definite, m the real minimum

Column after column q_j rounds to the nearest, and what that cost moves the minimum of the columns
left over: the columns of the largest H_jj first, whose errors the most others can make good. Babai
1986 (doi:10.1007/BF02579403); GPTQ rounds the weights of neural networks so (Frantar et al. 2023,
arXiv:2210.17323). Then single columns step while that lowers the error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
SWEEPS = 20  # through all columns; few rows step after the first ones


@dataclass(frozen=True)
class Grid:
    """The multiples of `step` `(K,)` from `low` to `high` `(n, K)`, both multiples themselves."""

    step: Array
    low: Array
    high: Array

    def nearest(self, values: Array, column: int) -> Array:
        step = self.step[column]
        whole = step * np.rint(values / step)
        return np.clip(whole, self.low[:, column], self.high[:, column])


def on_grid(gram: Array, optimum: Array, grid: Grid, start: Array) -> Array:
    """Rows `(n, K)` on the grid, of which none has a larger error than its row of `start`.

    gram: H, `(n, K, K)` or `(1, K, K)` for all rows; optimum: m, `(n, K)`.
    """
    found = [
        _descended(gram, optimum, grid, begin)
        for begin in (_nearest_plane(gram, optimum, grid), start)
    ]
    first, second = (error(gram, optimum, each) for each in found)
    return np.where((first < second)[:, None], *found)


def error(gram: Array, optimum: Array, rows: Array) -> Array:
    """(q - m)^T H (q - m) of each row."""
    off = rows - optimum
    return np.einsum("nj,nj->n", off, _times(gram, off))


def _times(gram: Array, off: Array) -> Array:
    if len(gram) == 1:
        product: Array = off @ gram[0]
        return product
    return np.einsum("njk,nk->nj", gram, off)


def _nearest_plane(gram: Array, optimum: Array, grid: Grid) -> Array:
    order = np.argsort(gram.diagonal(axis1=1, axis2=2).mean(axis=0), kind="stable")
    upper = np.linalg.cholesky(gram[:, order][:, :, order]).transpose(0, 2, 1)  # H = R^T R
    found, off = np.empty_like(optimum), np.zeros_like(optimum)
    for place in range(len(order) - 1, -1, -1):
        column = order[place]
        pushed = (upper[:, place, place + 1 :] * off[:, place + 1 :]).sum(axis=1)
        centre = optimum[:, column] - pushed / upper[:, place, place]
        found[:, column] = grid.nearest(centre, column)
        off[:, place] = found[:, column] - optimum[:, column]
    return found


def _descended(gram: Array, optimum: Array, grid: Grid, start: Array) -> Array:
    """A parabola's best multiple is the one nearest its minimum: no step raises the error."""
    found = start.copy()
    slope = _times(gram, found - optimum)
    for _ in range(SWEEPS):
        before = found.copy()
        for column in range(found.shape[1]):
            at = found[:, column]
            best = grid.nearest(at - slope[:, column] / gram[:, column, column], column)
            moved = np.flatnonzero(best != at)
            if len(moved):
                change = best[moved] - at[moved]
                rows = gram[moved, :, column] if len(gram) > 1 else gram[:, :, column]
                slope[moved] += change[:, None] * rows
                found[moved, column] = best[moved]
        if np.array_equal(before, found):
            break
    return found
