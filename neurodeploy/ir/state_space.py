"""A diagonal complex state space, said in standard NIR and recognised as one population.

    u -> B -> v -> C -> y,   v -> W -> v a step late

v is an LI whose rows 2m and 2m + 1 are the real and the imaginary part of mode m. W, a Linear or a
grouped convolution of one tap, holds a block (g, -h; h, g) per pair of rows and nothing between
pairs. B, a Linear or a convolution, drives each pair along one direction b; C reads each pair along
one direction c. With the decay k and the gain r of the LI
    z = a z + b x,   a = (1 - k) + r (g + i h),   y = Re(c z)
which as z / b has a real input: `s4d` with a and c b, B and C left with one row and one column per
mode. Anything else that enters or reads v, a bias on it, or blocks of another form are left as they
are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Final

import nir
import numpy as np

from neurodeploy.ir.graph import Array, Dynamics, GraphView, Linear, Shape
from neurodeploy.ir.linear_map import LinearMap

Lowered = Mapping[str, Linear | Dynamics]
ROUNDING: Final = 1e-12  # by which a direction may differ between the inputs of a mode


@dataclass(frozen=True)
class Modes:
    """a and c of each mode, `(modes, *rest)`; feedback: the node that is W."""

    feedback: str
    a: Array
    c: Array

    @property
    def params(self) -> dict[str, Array]:
        """Of an `s4d` population."""
        a, c = self.a, self.c
        return {"a_re": a.real, "a_im": a.imag, "c_re": c.real, "c_im": c.imag}


@dataclass(frozen=True)
class _Parts:
    """What `_found` has of one LI: its modes, its dynamics with a row per mode, B and C."""

    modes: Modes
    dynamics: Dynamics
    into: tuple[str, LinearMap]
    out_of: tuple[str, LinearMap]


def with_modes(
    graph: GraphView, lowered: Lowered
) -> tuple[GraphView, dict[str, Linear | Dynamics], dict[str, Modes]]:
    """The graph and what its nodes lower to with one row per mode, and the modes by their LI."""
    changed, modes = dict(lowered), {}
    in_shape, out_shape = dict(graph.in_shape), dict(graph.out_shape)
    for name in graph.of_type(nir.LI):
        parts = _found(graph, lowered, name)
        if parts is None:
            continue
        modes[name], changed[name] = parts.modes, parts.dynamics
        for node, map_ in (parts.into, parts.out_of):
            before = lowered[node]
            assert isinstance(before, Linear)
            changed[node] = replace(before, map=map_)
            in_shape[node], out_shape[node] = map_.in_shape, map_.out_shape
        in_shape[name] = out_shape[name] = parts.modes.a.shape
    return replace(graph, in_shape=in_shape, out_shape=out_shape), changed, modes


def _found(graph: GraphView, lowered: Lowered, name: str) -> _Parts | None:
    chain, state, shape = _chain(graph, name), lowered[name], graph.in_shape[name]
    assert isinstance(state, Dynamics)
    if chain is None or shape[:1] == () or shape[0] % 2 or np.any(state.bias):
        return None
    entry, feedback, reader = chain
    b, w, c = (_map(lowered, node) for node in chain)
    if b is None or w is None or c is None or _biased(lowered, entry, feedback):
        return None
    decay, gain = (_of_pairs(values, shape) for values in (state.dv, state.gain))
    blocks, drive, read = _blocks(w), _driven(b), _read(c)
    if decay is None or gain is None or blocks is None or drive is None or read is None:
        return None
    spread = (-1, *[1] * (len(shape) - 1))
    a = (1 - decay) + gain * blocks.reshape(spread)
    coefficient = np.broadcast_to((read[0] * drive[0]).reshape(spread), a.shape)
    one, zero = np.ones(a.shape), np.zeros(a.shape)
    dynamics = Dynamics(one, decay, gain, zero, None, zero)
    modes = Modes(feedback, a, coefficient)
    return _Parts(modes, dynamics, (entry, drive[1]), (reader, read[1]))


def _chain(graph: GraphView, name: str) -> tuple[str, str, str] | None:
    """B, W and C around an LI that nothing else feeds or reads."""
    both = set(graph.before[name]) & set(graph.after[name])
    entries = [n for n in graph.before[name] if n not in both]
    readers = [n for n in graph.after[name] if n not in both]
    if not len(both) == len(entries) == len(readers) == 1:
        return None
    (feedback,), (entry,), (reader,) = both, entries, readers
    alone = (
        graph.before[feedback] == graph.after[feedback] == (name,)
        and graph.after[entry] == graph.before[reader] == (name,)
        and len({(name, feedback), (feedback, name)} & graph.late) == 1
    )
    return (entry, feedback, reader) if alone else None


def _map(lowered: Lowered, node: str) -> LinearMap | None:
    each = lowered.get(node)
    if not isinstance(each, Linear) or each.map.kind not in ("dense", "conv1d", "conv2d"):
        return None
    return each.map


def _biased(lowered: Lowered, *nodes: str) -> bool:
    return any(getattr(lowered[node], "bias", None) is not None for node in nodes)


def _of_pairs(values: Array, shape: Shape) -> Array | None:
    """One value per mode `(modes, *rest)`; None where the two rows of a mode differ."""
    pairs = np.broadcast_to(values, shape).reshape(-1, 2, *shape[1:])
    return pairs[:, 0] if np.array_equal(pairs[:, 0], pairs[:, 1]) else None


def _groups(each: LinearMap) -> int:
    return 1 if each.geometry is None else each.geometry.groups


def _one_tap(each: LinearMap) -> bool:
    """Whether every place sees itself alone: a matrix, or a convolution of one tap."""
    assert each.weights is not None
    g = each.geometry
    return g is None or (
        prod(each.weights.shape[2:]) == 1 and set(g.stride) == {1} and set(g.padding) == {0}
    )


def _blocks(w: LinearMap) -> Array | None:
    """g + i h of every mode."""
    assert w.weights is not None
    if not _one_tap(w):
        return None
    rows_of = w.weights.reshape(len(w.weights), -1)
    per_group = rows_of.shape[1]
    rows, offsets = np.nonzero(rows_of)
    columns = rows // (len(rows_of) // _groups(w)) * per_group + offsets
    if np.any(rows // 2 != columns // 2):
        return None
    blocks = np.zeros((len(rows_of) // 2, 2, 2))
    blocks[rows // 2, rows % 2, columns % 2] = rows_of[rows, offsets]
    (same, minus), (turning, again) = np.moveaxis(blocks, 0, -1)
    if np.any(same != again) or np.any(minus != -turning):
        return None
    return same + 1j * turning


def _driven(b: LinearMap) -> tuple[Array, LinearMap] | None:
    """The direction b of every mode, and the map to one row per mode."""
    assert b.weights is not None
    rows = b.weights
    if len(rows) // _groups(b) % 2:
        return None
    pairs = rows.reshape(len(rows) // 2, 2, -1)
    found = _directions(pairs[:, 0] + 1j * pairs[:, 1])
    if found is None:
        return None
    direction, weights = found
    out_shape = (len(rows) // 2, *b.out_shape[1:])
    shaped = weights.reshape(-1, *rows.shape[1:])
    return direction, LinearMap(b.kind, b.in_shape, out_shape, shaped, b.geometry)


def _read(c: LinearMap) -> tuple[Array, LinearMap] | None:
    """The direction c of every mode, and the map from one column per mode."""
    assert c.weights is not None
    columns = c.weights
    if not _one_tap(c) or columns.shape[1] % 2:
        return None
    groups, modes = _groups(c), columns.shape[1] // 2
    pairs = columns.reshape(groups, -1, modes, 2).swapaxes(1, 2)  # (groups, modes, out, 2)
    found = _directions((pairs[..., 0] - 1j * pairs[..., 1]).reshape(groups * modes, -1))
    if found is None:
        return None
    direction, weights = found
    shaped = weights.reshape(groups, modes, -1).swapaxes(1, 2)
    shaped = shaped.reshape(len(columns), modes, *columns.shape[2:])
    in_shape = (groups * modes, *c.in_shape[1:])
    return direction, LinearMap(c.kind, in_shape, c.out_shape, shaped, c.geometry)


def _directions(values: Array) -> tuple[Array, Array] | None:
    """Of rows of complex numbers that all lie on one line through 0: the largest, and the rows in
    units of it; None if a row leaves its line. A row of zeros has direction 0."""
    at = np.abs(values).argmax(axis=1)[:, None]
    largest = np.take_along_axis(values, at, axis=1)
    units = np.divide(values, largest, out=np.zeros_like(values), where=largest != 0)
    np.put_along_axis(units, at, np.where(largest != 0, 1.0, 0.0), axis=1)  # z / z may be off
    if np.any(np.abs(units.imag) > ROUNDING):
        return None
    return largest[:, 0], units.real
