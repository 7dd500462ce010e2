"""Linear maps between tensors, and their composition into the weights of one synapse.

A chain such as AvgPool2d -> Flatten -> Linear between two populations is one linear map; a chip has
one synapse there. Composition is exact in real arithmetic up to float64 rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from scipy import sparse

from neurodeploy.errors import Diagnostic, UnsupportedPrimitive
from neurodeploy.ir.program import ConvGeometry, Kind
from neurodeploy.ir.synapses import conv_output_shape, correlate

Array = np.ndarray[Any, np.dtype[Any]]

# A materialised matrix of this many elements takes 1.6 GB in float64.
MATRIX_LIMIT = 200_000_000
DENSE_FROM = 0.25


@dataclass(frozen=True)
class LinearMap:
    """`in_shape` to `out_shape`: y = W x.

    dense: weights `(N_out, N_in)`; conv1d, conv2d: weights as in torch and a geometry;
    scale: elementwise factor that broadcasts to the shape; reshape: C-order, no weights.
    """

    kind: Literal["dense", "conv1d", "conv2d", "scale", "reshape"]
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    weights: Array | None = None
    geometry: ConvGeometry | None = None

    def apply(self, x: Array) -> Array:
        """`(B, *in_shape)` to `(B, *out_shape)` in float64."""
        if self.kind == "reshape":
            return x.reshape(len(x), *self.out_shape)
        assert self.weights is not None
        if self.kind == "scale":
            x = x.reshape(len(x), *self.in_shape)
            return (x * self.weights).reshape(len(x), *self.out_shape)
        if self.kind == "dense":
            return (x.reshape(len(x), -1) @ self.weights.T).reshape(len(x), *self.out_shape)
        assert self.geometry is not None
        return correlate(x.reshape(len(x), *self.in_shape), self.weights, self.geometry)


def apply_all(maps: tuple[LinearMap, ...], x: Array) -> Array:
    """x through the maps in order."""
    for each in maps:
        x = each.apply(x)
    return x


def compose(
    maps: tuple[LinearMap, ...], source_shape: tuple[int, ...], where: str
) -> tuple[Kind, Any, ConvGeometry | None]:
    """The maps in order as the kind, weights and geometry of one synapse.

    A lone convolution stays one, also with per-channel scales around it, unless it is flattened or
    of one tap at one place; a pooling before a convolution becomes a larger kernel where that is
    exact; all else becomes a matrix.
    Raises UnsupportedPrimitive if the matrix would be too large.
    """
    chain = _fold_scales([m for m in maps if m.kind != "reshape"])
    chain = _fold_pooling(chain)
    out_shape = maps[-1].out_shape if maps else source_shape
    if len(chain) == 1 and chain[0].kind in ("conv1d", "conv2d"):
        conv = chain[0]
        assert conv.geometry is not None
        sent = conv_output_shape(conv.in_shape, _values(conv).shape, conv.geometry)
        if (conv.in_shape, sent) == (source_shape, out_shape):
            if prod(sent[1:]) == prod(conv.in_shape[1:]) == prod(_values(conv).shape[2:]) == 1:
                return _stored(_at_one_place(conv))
            kind: Kind = "conv1d" if conv.kind == "conv1d" else "conv2d"
            return kind, conv.weights, conv.geometry
    if len(chain) == 1 and chain[0].kind == "dense":
        return "dense", chain[0].weights, None
    if all(m.kind == "scale" for m in chain):
        diagonal = np.ones(prod(source_shape))
        for each in chain:
            diagonal = diagonal * _factors(each)
        return "sparse", sparse.diags_array(diagonal, format="csr"), None
    return _matrix(tuple(chain), source_shape, out_shape, where)


def _values(each: LinearMap) -> Array:
    assert each.weights is not None
    return each.weights


def _factors(scale: LinearMap) -> Array:
    """One factor per element, flat: a reshape before or after it changes nothing."""
    return np.broadcast_to(_values(scale), scale.in_shape).ravel()


def _matrix(
    chain: tuple[LinearMap, ...],
    source_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    where: str,
) -> tuple[Kind, Any, None]:
    n_in, n_out = prod(source_shape), prod(out_shape)
    if n_in * n_out > MATRIX_LIMIT:
        raise UnsupportedPrimitive(
            Diagnostic(
                where,
                "composed-size",
                f"{n_in} x {n_out} connections exceed {MATRIX_LIMIT}",
                "put neurons between these layers, or pool with stride equal to the kernel",
            )
        )
    blocks = []
    for start in range(0, n_in, 256):
        rows = np.arange(start, min(start + 256, n_in))
        basis = np.zeros((len(rows), n_in))
        basis[np.arange(len(rows)), rows] = 1.0
        image = apply_all(chain, basis.reshape(len(rows), *source_shape))
        blocks.append(sparse.csr_array(image.reshape(len(rows), n_out)))
    return _stored(sparse.csr_array(sparse.vstack(blocks).T))


def _stored(matrix: sparse.csr_array) -> tuple[Kind, Any, None]:
    """The kind that takes less room."""
    if matrix.nnz >= DENSE_FROM * prod(matrix.shape):
        return "dense", matrix.toarray(), None
    return "sparse", matrix, None


def _at_one_place(conv: LinearMap) -> sparse.csr_array:
    """A convolution of one tap at one place, `(out, in)`: a block for each group."""
    assert conv.geometry is not None
    weights = _values(conv).reshape(conv.out_shape[0], -1)
    rows, offsets = np.nonzero(weights)
    columns = rows // (len(weights) // conv.geometry.groups) * weights.shape[1] + offsets
    entries = (weights[rows, offsets], (rows, columns))
    return sparse.csr_array(sparse.coo_array(entries, shape=(len(weights), conv.in_shape[0])))


def _per_channel(factors: Array, shape: tuple[int, ...]) -> Array | None:
    """One factor per leading index if the factors are constant over the others."""
    rows = factors.reshape(shape[0], -1)
    return rows[:, 0] if (rows == rows[:, :1]).all() else None


def _fold_scales(chain: list[LinearMap]) -> list[LinearMap]:
    """Scales that follow or precede a dense or convolution map go into its weights where exact."""
    folded: list[LinearMap] = []
    for each in chain:
        merged = _merge(folded[-1], each) if folded else None
        if merged is None:
            folded.append(each)
        else:
            folded[-1] = merged
    return folded


def _merge(first: LinearMap, second: LinearMap) -> LinearMap | None:
    if second.kind == "scale" and first.kind in ("dense", "conv1d", "conv2d"):
        weights = _values(first)
        if first.kind == "dense":
            factor: Array | None = _factors(second)
        else:
            factor = _per_channel(_factors(second), first.out_shape)
        if factor is None:
            return None
        scaled = weights * factor.reshape(-1, *[1] * (weights.ndim - 1))
        return LinearMap(first.kind, first.in_shape, second.out_shape, scaled, first.geometry)
    if first.kind == "scale" and second.kind == "dense":
        weights = _values(second) * _factors(first)
        return LinearMap("dense", first.in_shape, second.out_shape, weights)
    if first.kind == "scale" and second.kind == "scale":
        product = (_factors(first) * _factors(second)).reshape(first.in_shape)
        return LinearMap("scale", first.in_shape, second.out_shape, product)
    return None


def _fold_pooling(chain: list[LinearMap]) -> list[LinearMap]:
    """A pooling (depthwise, constant) then a conv2d to one conv2d, where zero padding agrees."""
    if len(chain) != 2 or chain[0].kind != "conv2d" or chain[1].kind != "conv2d":
        return chain
    pool, conv = chain
    weights, kernel = _values(pool), _values(conv)
    assert pool.geometry is not None
    assert conv.geometry is not None
    size, g = weights.shape[2:], pool.geometry
    constant = weights.reshape(weights.shape[0], -1)
    exact = (
        g.groups == pool.in_shape[0] == weights.shape[0]
        and g.stride == tuple(size)
        and set(g.padding) == {0}
        and set(g.dilation) == {1}
        and set(conv.geometry.dilation) == {1}
        and (constant == constant[:1, :1]).all()
        and all(n % k == 0 for n, k in zip(pool.in_shape[1:], size, strict=True))
    )
    if not exact:
        return chain
    merged = np.kron(kernel, np.full((1, 1, *size), constant[0, 0]))
    geometry = ConvGeometry(
        stride=tuple(s * k for s, k in zip(conv.geometry.stride, size, strict=True)),
        padding=tuple(p * k for p, k in zip(conv.geometry.padding, size, strict=True)),
        dilation=(1, 1),
        groups=conv.geometry.groups,
    )
    return [LinearMap("conv2d", pool.in_shape, conv.out_shape, merged, geometry)]
