"""How high each box stands in its column: few crossings, straight lines, nothing overlaps.

The layered method of Sugiyama, Tagawa and Toda (1981): an arrow over several columns passes through
a bend in each; columns are sorted by the mean place of their neighbours, back and forth; then every
column takes the heights nearest to its neighbours' that keep its order and distances (least squares
by pooling adjacent violators).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from neurodeploy.report.picture.ranks import Pair, Ranks

SWEEPS: Final = 12  # of sorting
TOWARDS: Final = (*("left", "right") * 5, "both", "both", "left")  # neighbours to settle by
GAP: Final = 16.0  # between boxes of one column
BEND: Final = 10.0  # height that a passing arrow takes


@dataclass
class Rows:
    """Centres `y` of boxes and bends; ways: the bends of each forward arrow, source to target."""

    y: dict[str, float] = field(default_factory=dict)
    ways: dict[Pair, tuple[str, ...]] = field(default_factory=dict)
    columns: list[list[str]] = field(default_factory=list)
    column: dict[str, int] = field(default_factory=dict)


def place_rows(ranks: Ranks, heights: Mapping[str, float]) -> Rows:
    """Heights of all boxes that are not `below`, and of the bends between them."""
    rows, links = _with_bends(ranks)
    high = {name: heights.get(name, BEND) for column in rows.columns for name in column}
    _sort(rows.columns, links)
    for column in rows.columns:
        total = 0.0
        for name in column:
            rows.y[name] = total + high[name] / 2
            total += high[name] + GAP
        for name in column:
            rows.y[name] -= (total - GAP) / 2
    for side in TOWARDS:
        for column in reversed(rows.columns) if side == "right" else rows.columns:
            _settle(column, rows.y, high, links, heights, side)
    for bends in rows.ways.values():
        _level(bends, rows, high)
    return rows


def _with_bends(ranks: Ranks) -> tuple[Rows, dict[str, tuple[list[str], list[str]]]]:
    """The columns with a bend in each that an arrow passes, and each one's left and right links."""
    main = [name for name in ranks.column if name not in ranks.below]
    width = max((ranks.column[n] for n in main), default=-1) + 1
    rows = Rows(columns=[[] for _ in range(width)])
    for name in main:
        rows.column[name] = ranks.column[name]
        rows.columns[ranks.column[name]].append(name)
    links: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in main}
    for number, (a, b) in enumerate(ranks.forward):
        if a not in links or b not in links:
            continue
        bends = [f"\0{number}.{c}" for c in range(ranks.column[a] + 1, ranks.column[b])]
        for c, bend in enumerate(bends, ranks.column[a] + 1):
            rows.columns[c].append(bend)
            rows.column[bend] = c
            links[bend] = ([], [])
        rows.ways[a, b] = tuple(bends)
        way = (a, *bends, b)
        for left, right in pairwise(way):
            links[left][1].append(right)
            links[right][0].append(left)
    return rows, links


def _sort(columns: list[list[str]], links: Mapping[str, tuple[list[str], list[str]]]) -> None:
    best, fewest = [list(c) for c in columns], _crossings(columns, links)
    for sweep in range(SWEEPS):
        side = sweep % 2
        order = columns[1:] if side == 0 else columns[-2::-1]
        place = {n: i for column in columns for i, n in enumerate(column)}
        for column in order:
            keys = {}
            for i, name in enumerate(column):
                near = [place[n] for n in links[name][side]]
                keys[name] = sum(near) / len(near) if near else float(i)
            column.sort(key=keys.__getitem__)
            place |= {n: i for i, n in enumerate(column)}
        count = _crossings(columns, links)
        if count < fewest:
            best, fewest = [list(c) for c in columns], count
    for column, kept in zip(columns, best, strict=True):
        column[:] = kept


def _crossings(
    columns: Sequence[Sequence[str]], links: Mapping[str, tuple[list[str], list[str]]]
) -> int:
    """Pairs of arrows between neighbouring columns that cross."""
    total = 0
    for left, right in pairwise(columns):
        place = {n: i for i, n in enumerate(right)}
        ends = [p for n in left for p in sorted(place[t] for t in links[n][1])]
        total += sum(x > y for i, x in enumerate(ends) for y in ends[i + 1 :])
    return total


def _settle(
    column: list[str],
    y: dict[str, float],
    high: Mapping[str, float],
    links: Mapping[str, tuple[list[str], list[str]]],
    boxes: Mapping[str, float],
    side: str,
) -> None:
    """Moves a column to where its neighbours of one side, or of both, want it."""
    wanted, weight = [], []
    for name in column:
        left, right = links[name]
        near = [*(left if side != "right" else ()), *(right if side != "left" else ())]
        alike = [n for n in near if (n in boxes) == (name in boxes)]
        near = alike or near  # boxes keep in line with boxes, bends with bends
        wanted.append(sum(y[n] for n in near) / len(near) if near else y[name])
        weight.append((50.0 if name in boxes else 1.0) if alike else 0.02)
    offsets, total = [], 0.0
    for i, name in enumerate(column):
        total += (high[column[i - 1]] / 2 + GAP + high[name] / 2) if i else 0.0
        offsets.append(total)
    level = _isotonic([w - o for w, o in zip(wanted, offsets, strict=True)], weight)
    for name, base, offset in zip(column, level, offsets, strict=True):
        y[name] = base + offset


def _level(bends: tuple[str, ...], rows: Rows, high: Mapping[str, float]) -> None:
    """Brings all bends of a way to one height, if there is room for it."""
    heights = sorted({rows.y[b] for b in bends})
    for y in (*heights[-1:], *heights[:1]):
        if all(_room(b, y, rows, high) for b in bends):
            rows.y |= dict.fromkeys(bends, y)
            return


def _room(name: str, y: float, rows: Rows, high: Mapping[str, float]) -> bool:
    column = rows.columns[rows.column[name]]
    i = column.index(name)
    others = [*column[max(i - 1, 0) : i], *column[i + 1 : i + 2]]
    return all(
        abs(y - rows.y[n]) >= (high[n] + high[name]) / 2 + 0.99 * GAP
        and (y > rows.y[n]) == (rows.y[name] > rows.y[n])
        for n in others
    )


def _isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing sequence nearest to `values` in weighted least squares."""
    blocks: list[list[float]] = []  # mean, weight, length
    for value, weight in zip(values, weights, strict=True):
        blocks.append([value, weight, 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, w, n = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * w) / (last[1] + w)
            last[1] += w
            last[2] += n
    return [mean for mean, _, n in blocks for _ in range(int(n))]
