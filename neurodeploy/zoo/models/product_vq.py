"""Product vector quantization: one token in groups, each the nearest of a small codebook.

    z = down(x)                          in 8 dimensions, a group at a time
    code = argmax over k of <z, e_k> / (|z| |e_k|)
    y = up(e_code)                       the codeword as it is, not normalised

(Gu and Diao 2024, arXiv:2404.19441; low dimensions and cosines as in DAC, arXiv:2306.06546.)
Codebooks learn by gradient: |e - sg(z)|^2 and 1/4 |z - sg(e)|^2, straight through for z. Or they
follow: as a whole the mean of z (as in Huh et al. 2023, arXiv:2305.08842), each codeword what it
codes, as in the moving averages of van den Oord et al. 2017 (arXiv:1711.00937).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

COMMITMENT = 0.25
CENTRING = 0.5  # share of its way that a book's centre goes to the mean of a batch


class Quantized(NamedTuple):
    """What a quantizer makes of its input."""

    y: Tensor  # (B, L, size)
    codes: Tensor | None  # (B, groups, L); None where quantization was bypassed
    loss: Tensor  # scalar, mean over groups


class ProductVq(nn.Module):
    """(B, L, size) -> the same, through `groups` codes a token."""

    centers: Tensor  # (groups, code_dim): where the means of the vectors were

    def __init__(self, size: int, groups: int, codes: int, code_dim: int) -> None:
        super().__init__()
        self.groups = groups
        part = size // groups
        self.down = nn.ModuleList(nn.Linear(part, code_dim, bias=False) for _ in range(groups))
        self.up = nn.ModuleList(nn.Linear(code_dim, part, bias=False) for _ in range(groups))
        self.codebooks = nn.Parameter(torch.empty(groups, codes, code_dim))
        for book in self.codebooks:
            nn.init.kaiming_normal_(book)
        self.register_buffer("centers", torch.zeros(groups, code_dim))

    def project(self, x: Tensor) -> Tensor:
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

    def forward(self, x: Tensor, quantize: bool = True, following: float = 0.0) -> Quantized:
        """Training: gradients pass; with `quantize` False, z itself goes on.

        `following` > 0: codebooks move by `_keep_up` and `_follow` in place of gradients.
        """
        z = self.project(x)
        if not quantize:
            return Quantized(self._restore(z), None, z.new_zeros(()))
        if following:
            self._keep_up(z)
        with torch.no_grad():
            codes = self._nearest(z)
        words = self._words(codes)
        if following:
            words = words.detach()
            self._follow(z, codes, following)
        codebook = functional.mse_loss(words, z.detach())
        commitment = functional.mse_loss(z, words.detach())
        y = self._restore(z + (words - z).detach())
        return Quantized(y, codes.transpose(0, 1), codebook + COMMITMENT * commitment)

    @torch.no_grad()
    def _keep_up(self, z: Tensor) -> None:
        """All codewords of a book move alike: with the mean of its vectors, then by the mean error.

        An encoder's step moves that mean by more than vectors differ; words one by one stay behind.
        """
        way = CENTRING * (z.mean((1, 2)) - self.centers)
        self.centers += way
        self.codebooks.add_(way[:, None])
        error = z - self._words(self._nearest(z))
        self.codebooks.add_(error.mean((1, 2))[:, None])

    @torch.no_grad()
    def _follow(self, z: Tensor, codes: Tensor, share: float) -> None:
        """A codeword goes that share of the way to each of the n vectors that it codes:
        e <- (1 - share)^n e + (1 - (1 - share)^n) mean z."""
        for book, vectors, chosen in zip(self.codebooks, z.flatten(1, 2), codes, strict=True):
            at = chosen.flatten()
            hits = torch.bincount(at, minlength=len(book))[:, None]
            sums = torch.zeros_like(book).index_add_(0, at, vectors)
            book.lerp_(sums / hits.clamp(min=1), 1.0 - (1.0 - share) ** hits)

    @torch.no_grad()
    def seed(self, x: Tensor, *, unused_only: bool = False) -> None:
        """Codewords, or those that code none of the tokens (B, L, size), become vectors of them.

        Drawn without repetition; ValueError for fewer tokens than codewords.
        """
        z = self.project(x)
        codes = self._nearest(z).flatten(1)
        size = self.codebooks.shape[1]
        if codes.shape[1] < size:
            raise ValueError(f"{codes.shape[1]} tokens cannot seed {size} codewords")
        if not unused_only:
            self.centers.copy_(z.mean((1, 2)))
        for book, vectors, used in zip(self.codebooks, z.flatten(1, 2), codes, strict=True):
            drawn = vectors[torch.randperm(len(vectors))[:size]]
            new = torch.bincount(used, minlength=size) == 0
            book.copy_(torch.where(new[:, None], drawn, book) if unused_only else drawn)

    def encode(self, x: Tensor) -> Tensor:
        """(B, L, size) -> codes (B, groups, L)."""
        return self._nearest(self.project(x)).transpose(0, 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (B, groups, L) -> (B, L, size)."""
        return self._restore(self._words(codes.transpose(0, 1)))
