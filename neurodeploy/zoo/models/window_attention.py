"""Swin transformer blocks over a grid of frequency and time (Liu et al. 2021, arXiv:2103.14030).

    x + attention(norm(x)) within windows of 4 x 4 tokens, then + mlp(norm(.))

Every other block cuts its windows two tokens further on in both directions. Tokens that padding
adds, or that a cyclic shift brings beside others, attend to nobody but their like, so that a token
sees at most `window - 1` others to each side and block; the relative position of two tokens has a
learned bias a head. Tensors are (B, F, T, C): frequency rows, time, channels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Grid(NamedTuple):
    """What the windows of a block are cut from."""

    rows: int  # padded to whole windows
    steps: int
    window: int  # tokens on a side
    shift: int  # tokens


def _regions(size: int, padded: int, grid: Grid) -> Tensor:
    """Along one axis: tokens (padded,) that may see each other have the same number."""
    where = torch.arange(padded)
    shifted = (where + grid.shift) % padded  # the token that the cyclic shift puts there
    wrapped = where >= padded - grid.shift
    return torch.where(shifted < size, wrapped.long(), 2)


@lru_cache(maxsize=64)
def _mask(rows: int, steps: int, grid: Grid) -> Tensor | None:
    """0 or -inf, (windows, 1, tokens, tokens); None where every token may see its window."""
    if not grid.shift and (rows, steps) == (grid.rows, grid.steps):
        return None
    regions = 3 * _regions(rows, grid.rows, grid)[:, None] + _regions(steps, grid.steps, grid)
    w = grid.window
    windows = regions.view(grid.rows // w, w, grid.steps // w, w).permute(0, 2, 1, 3)
    flat = windows.reshape(-1, 1, w * w)
    apart = flat[:, :, :, None] != flat[:, :, None, :]
    return torch.zeros(apart.shape).masked_fill(apart, float("-inf"))


def _relative_index(window: int) -> Tensor:
    """Which row of the table says how far apart two tokens of a window are, (tokens, tokens)."""
    at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij"))
    flat = at.flatten(1)  # (2, tokens)
    row, column = flat[:, :, None] - flat[:, None, :] + window - 1
    return row * (2 * window - 1) + column


class WindowAttention(nn.Module):
    """Attention within windows: (B, F, T, C) -> the same shape."""

    relative_index: Tensor

    def __init__(self, dim: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        self.register_buffer("relative_index", _relative_index(window), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, steps = x.shape[1:3]
        qkv, grid = self.windows(self.qkv, x)
        y = self._attend(qkv, rows, steps, grid)
        out: Tensor = self.out(self.joined(y, rows, steps, grid))
        return out

    def windows(self, qkv: nn.Linear, x: Tensor) -> tuple[Tensor, Grid]:
        """(B, F, T, C) -> queries, keys and values (3, B, windows, heads, tokens, head dim)."""
        batch, rows, steps, dim = x.shape
        w, h = self.window, self.heads
        below, after = -rows % w, -steps % w
        grid = Grid(rows + below, steps + after, w, self.shift)
        if below or after:
            x = functional.pad(x, (0, 0, 0, after, 0, below))
        if self.shift:
            x = x.roll((-self.shift, -self.shift), (1, 2))
        cut = (batch, grid.rows // w, w, grid.steps // w, w, 3, h, dim // h)
        y = qkv(x).view(cut).permute(5, 0, 1, 3, 6, 2, 4, 7)
        return y.reshape(3, batch, -1, h, w * w, dim // h), grid

    def joined(self, y: Tensor, rows: int, steps: int, grid: Grid) -> Tensor:
        """What the windows' tokens got, of all heads, back at their places (B, F, T, C)."""
        w, h, d = grid.window, self.heads, y.shape[-1]
        y = y.view(-1, grid.rows // w, grid.steps // w, h, w, w, d)
        y = y.permute(0, 1, 4, 2, 5, 3, 6).reshape(-1, grid.rows, grid.steps, h * d)
        if self.shift:
            y = y.roll((self.shift, self.shift), (1, 2))
        return y[:, :rows, :steps]

    def offsets(self, rows: int, steps: int, grid: Grid) -> Tensor:
        """What is added to scores: (heads, tokens, tokens), where windows differ (windows, ...)."""
        bias = self.bias[self.relative_index].permute(2, 0, 1)
        mask = _mask(rows, steps, grid)
        return bias if mask is None else bias + mask.to(bias)

    def _attend(self, qkv: Tensor, rows: int, steps: int, grid: Grid) -> Tensor:
        """(3, B, windows, heads, tokens, head dim) -> (..., heads, tokens, head dim)."""
        offsets = self.offsets(rows, steps, grid)
        if offsets.dim() == 3:
            q, k, v = qkv.flatten(1, 2)
        else:  # masks differ by window and are the same for all of the batch
            q, k, v = qkv.flatten(2, 3)
            offsets = offsets.flatten(0, 1)
        return functional.scaled_dot_product_attention(q, k, v, offsets[None])


class SwinBlock(nn.Module):
    """Attention and MLP, each with a norm before it and a sum behind it."""

    def __init__(self, dim: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = WindowAttention(dim, heads, window, shift)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


Block = Callable[[int, int, int, int], nn.Module]  # dim, heads, window, shift


def swin_blocks(
    dim: int, heads: int, depth: int, window: int, block: Block = SwinBlock
) -> nn.Sequential:
    """`depth` blocks, every other one shifted by half a window."""
    shifts = [window // 2 if number % 2 else 0 for number in range(depth)]
    return nn.Sequential(*(block(dim, heads, window, shift) for shift in shifts))
