"""Product vector quantization: one token in groups, each the nearest of a small codebook.

    z = down(x)                          in 8 dimensions, a group at a time
    code = argmax over k of <z, e_k> / (|z| |e_k|)
    y = up(e_code)                       the codeword as it is, not normalised

(Gu and Diao 2024, arXiv:2404.19441; low dimensions and cosines as in DAC, arXiv:2306.06546.)
Codebooks learn by gradient: |e - sg(z)|^2 and 1/4 |z - sg(e)|^2, straight through for z.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

COMMITMENT = 0.25


class Quantized(NamedTuple):
    """What a quantizer makes of its input."""

    y: Tensor  # (B, L, size)
    codes: Tensor | None  # (B, groups, L); None where quantization was bypassed
    loss: Tensor  # scalar, mean over groups


class ProductVq(nn.Module):
    """(B, L, size) -> the same, through `groups` codes a token."""

    def __init__(self, size: int, groups: int, codes: int, code_dim: int) -> None:
        super().__init__()
        self.groups = groups
        part = size // groups
        self.down = nn.ModuleList(nn.Linear(part, code_dim, bias=False) for _ in range(groups))
        self.up = nn.ModuleList(nn.Linear(code_dim, part, bias=False) for _ in range(groups))
        self.codebooks = nn.Parameter(torch.empty(groups, codes, code_dim))
        for book in self.codebooks:
            nn.init.kaiming_normal_(book)

    def _project(self, x: Tensor) -> Tensor:
        """(B, L, size) -> (groups, B, L, code_dim)."""
        parts = x.chunk(self.groups, dim=-1)
        return torch.stack([down(part) for down, part in zip(self.down, parts, strict=True)])

    def _restore(self, z: Tensor) -> Tensor:
        return torch.cat([up(part) for up, part in zip(self.up, z, strict=True)], dim=-1)

    def _nearest(self, z: Tensor) -> Tensor:
        """(groups, B, L, code_dim) -> (groups, B, L)."""
        books = functional.normalize(self.codebooks, dim=-1)
        flat = functional.normalize(z, dim=-1).flatten(1, 2)
        return torch.bmm(flat, books.transpose(1, 2)).argmax(-1).view(z.shape[:-1])

    def _words(self, codes: Tensor) -> Tensor:
        """(groups, B, L) -> (groups, B, L, code_dim)."""
        pairs = zip(codes, self.codebooks, strict=True)
        return torch.stack([functional.embedding(code, book) for code, book in pairs])

    def forward(self, x: Tensor, quantize: bool = True) -> Quantized:
        """Training: gradients pass; with `quantize` False, z itself goes on."""
        z = self._project(x)
        if not quantize:
            return Quantized(self._restore(z), None, z.new_zeros(()))
        with torch.no_grad():
            codes = self._nearest(z)
        words = self._words(codes)
        codebook = functional.mse_loss(words, z.detach())
        commitment = functional.mse_loss(z, words.detach())
        y = self._restore(z + (words - z).detach())
        return Quantized(y, codes.transpose(0, 1), codebook + COMMITMENT * commitment)

    @torch.no_grad()
    def seed(self, x: Tensor, *, unused_only: bool = False) -> None:
        """Codewords, or those that code none of the tokens (B, L, size), become vectors of them.

        Drawn without repetition; ValueError for fewer tokens than codewords.
        """
        z = self._project(x)
        codes = self._nearest(z).flatten(1)
        size = self.codebooks.shape[1]
        if codes.shape[1] < size:
            raise ValueError(f"{codes.shape[1]} tokens cannot seed {size} codewords")
        for book, vectors, used in zip(self.codebooks, z.flatten(1, 2), codes, strict=True):
            drawn = vectors[torch.randperm(len(vectors))[:size]]
            new = torch.bincount(used, minlength=size) == 0
            book.copy_(torch.where(new[:, None], drawn, book) if unused_only else drawn)

    def encode(self, x: Tensor) -> Tensor:
        """(B, L, size) -> codes (B, groups, L)."""
        return self._nearest(self._project(x)).transpose(0, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, groups, L) -> (B, L, size)."""
        return self._restore(self._words(codes.transpose(0, 1)))
