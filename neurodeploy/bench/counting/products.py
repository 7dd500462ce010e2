"""Products of activations with weights or with each other, laid out for `Tally.add`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import torch
from torch import Tensor

from neurodeploy.bench.counting.fanout import Fanout, Inside, dense_taps
from neurodeploy.bench.counting.values import kinds_of

LSTM: Final = 2
"""torch's number of an LSTM in `mkldnn_rnn_layer`."""


@dataclass(frozen=True)
class Product:
    """What is the same in every call with inputs of one shape.

    shape: of the activations as (G, U, C, S): U units of decision in each of G groups; reach,
    zero_reach: weights, not zero and zero, that a position meets, `(1 or G, 1 or C, 1 or S)`;
    kinds: of the other operand, if it is no weight. reach is None where only shapes are known,
    zero_reach where no weight is zero.
    """

    shape: tuple[int, int, int, int]
    dense_macs: int
    padding_taps: int = 0
    reach: Tensor | None = None
    zero_reach: Tensor | None = None
    kinds: Tensor | None = None


def convolution(
    x: Tensor,
    weight: Tensor,
    out: Tensor,
    geometry: Sequence[Any],
    fanout: Fanout,
    inside: Inside = None,
) -> Product:
    """x `(B, C, ...)`, geometry: stride, padding, dilation, transposed, output_padding, groups."""
    dense, padding = dense_taps(x, weight, out, geometry, inside)
    shape = (1, x.shape[0], x.shape[1], prod(x.shape[2:]))
    if x.is_meta:
        return Product(shape, dense, padding)
    every, nonzero = fanout.convolution(x, weight, out, geometry)
    reach = every if nonzero is None else nonzero
    zero = None if nonzero is None else (every - nonzero)[None]
    return Product(shape, dense, padding, reach[None], zero)


def linear(x: Tensor, weight: Tensor, fanout: Fanout) -> Product:
    """x `(..., K)` on weights `(N, K)`, one unit a row."""
    shape = (1, prod(x.shape[:-1]), x.shape[-1], 1)
    dense = x.numel() * weight.shape[0]
    return Product(shape, dense) if x.is_meta else _dense(shape, dense, weight.mT, fanout)


def matrices(a: Tensor, b: Tensor, fanout: Fanout) -> tuple[Tensor, Product, bool]:
    """a @ b as activations and what they meet, and whether that is a weight.

    Matrices, batches of them or vectors. The operand that is no weight holds the activations, one
    unit a row (or column, on the right). Of two activations the one of the better kind decides what
    the product is.
    """
    a = a[None, :] if a.dim() == 1 else a
    b = b[:, None] if b.dim() == 1 else b
    has_weight = fanout.is_weight(b)
    if not has_weight and fanout.is_weight(a):
        a, b, has_weight = b.mT, a.mT, True
    shape = (prod(a.shape[:-2]), a.shape[-2], a.shape[-1], 1)
    dense = a.numel() * b.shape[-1]
    if a.is_meta:
        return a, Product(shape, dense), has_weight
    kinds = None if has_weight else kinds_of(b.reshape(prod(b.shape[:-2]), *b.shape[-2:]))
    return a, _dense(shape, dense, b, fanout, kinds), has_weight


def _dense(
    shape: tuple[int, int, int, int],
    dense: int,
    b: Tensor,
    fanout: Fanout,
    kinds: Tensor | None = None,
) -> Product:
    """Activations on the matrix (or batch of them) b `(..., K, N)`."""
    every = torch.full((1, 1, 1), b.shape[-1], dtype=torch.int64, device=b.device)
    nonzero = fanout.matrix(b)
    if nonzero is None:
        return Product(shape, dense, 0, every, None, kinds)
    reach = nonzero.reshape(prod(b.shape[:-2]), shape[2], 1)
    return Product(shape, dense, 0, reach, every - reach, kinds)


def attention(bound: Mapping[str, Any], fanout: Fanout) -> Iterator[tuple[Tensor, Product]]:
    """softmax(q k' scale + mask) v of a fused operator: both products.

    The weights of the second are worked out again, since a fused operator keeps them to itself.
    """
    q, k, v = (bound[name] for name in ("query", "key", "value"))
    groups = q.shape[1] // k.shape[1]  # query heads that share a key
    k, v = (x.repeat_interleave(groups, 1) if groups > 1 else x for x in (k, v))
    scale = bound.get("scale") or q.shape[-1] ** -0.5
    yield matrices(q.flatten(0, -3), k.flatten(0, -3).mT, fanout)[:2]
    weights = _weights(bound, q, k, scale)
    yield matrices(weights.flatten(0, -3), v.flatten(0, -3), fanout)[:2]


def _weights(bound: Mapping[str, Any], q: Tensor, k: Tensor, scale: float) -> Tensor:
    """softmax(q k' scale + mask), or a half in place of weights that are all graded.

    No weight underflows to 0 where scores lie close enough together, by Cauchy and Schwarz.
    """
    shape = (*q.shape[:-1], k.shape[-2])
    if q.is_meta:
        return q.new_empty(shape)
    masked = bound.get("attn_mask", bound.get("attn_bias")) is not None or bound.get("is_causal")
    if not masked and shape[-1] > 1:
        largest = abs(scale) * float(q.norm(dim=-1).max()) * float(k.norm(dim=-1).max())
        if 2 * largest + math.log(shape[-1]) < -math.log(torch.finfo(q.dtype).tiny):
            return q.new_full((), 0.5).expand(shape)
    return torch.softmax(q @ k.mT * scale + _mask(bound, q, shape), -1)


def _mask(bound: Mapping[str, Any], q: Tensor, shape: tuple[int, ...]) -> Tensor:
    mask = bound.get("attn_mask", bound.get("attn_bias"))
    added = torch.zeros((), dtype=q.dtype, device=q.device)
    if mask is not None and mask.dtype == torch.bool:
        added = added.masked_fill(~mask, float("-inf"))
    elif mask is not None:
        added = mask
    if bound.get("is_causal"):
        future = torch.ones(shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        added = added.expand(shape).masked_fill(future, float("-inf"))
    return added


def lstm_layer(args: Sequence[Any], y: Tensor, fanout: Fanout) -> Iterator[tuple[Tensor, Product]]:
    """The two products of all steps of a fused LSTM layer with output y `(T, B, H)`."""
    x, input_weight, hidden_weight, h = args[0], args[1], args[2], args[5]
    backward = args[7]
    first = h.reshape(1, *y.shape[1:])
    before = torch.cat([y[1:], first] if backward else [first, y[:-1]])
    yield x, linear(x, input_weight, fanout)
    yield before, linear(before, hidden_weight, fanout)
