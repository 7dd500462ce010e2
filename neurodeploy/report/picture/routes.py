"""Where boxes stand and arrows run, in pixels: columns side by side, in one band or several.

A picture wider than `WRAP` is broken into bands like a line of text; an arrow from the last column
of a band runs through the space between the bands to the first column of the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from neurodeploy.report.picture.ranks import Pair, Ranks
from neurodeploy.report.picture.rows import Rows

WRAP: Final = 1080.0
GUTTER: Final = 40.0  # between columns
TRACK: Final = 7.0  # between parallel lines
LANE: Final = 18.0  # height of a line that leads back
BELOW: Final = 14.0  # between the boxes and what runs back below them
RADIUS: Final = 6.0
SPREAD: Final = 9.0  # between the ends of arrows at one box

Point = tuple[float, float]
Size = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """An arrow's path: SVG path commands."""

    source: str
    target: str
    path: str


@dataclass
class Placed:
    """Top left corners of boxes, lines, and the size of it all."""

    corner: dict[str, Point] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


@dataclass
class _Grid:
    """Column c spans left[c]..right[c] in band[c]; top and bottom of each band."""

    left: list[float] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    band: list[int] = field(default_factory=list)
    middle: list[float] = field(default_factory=list)  # of each band, where y = 0 is


def place(ranks: Ranks, rows: Rows, sizes: Mapping[str, Size], wrap: float = WRAP) -> Placed:
    """Everything in pixels from (0, 0)."""
    return _Plan(ranks, rows, sizes, wrap).placed()


class _Plan:
    def __init__(self, ranks: Ranks, rows: Rows, sizes: Mapping[str, Size], wrap: float) -> None:
        self.ranks, self.rows, self.sizes, self.wrap = ranks, rows, sizes, wrap
        count = max(ranks.column.values(), default=-1) + 1
        self.widths = [0.0] * count
        for name, column in ranks.column.items():
            self.widths[column] = max(self.widths[column], sizes[name][0])
        self.spans = self._spans()
        self.tracks: dict[tuple[int, str], int] = {}
        self.bottom: list[float] = []  # of each band
        self.lane: dict[Pair, float] = {}  # height at which each backward arrow runs back
        self.grid = _Grid()
        self.out = Placed()

    def _spans(self) -> list[tuple[int, int, tuple[str, ...], Pair]]:
        """What runs back: first and last column, the chain of boxes on it, source and target."""
        column, found = self.ranks.column, []
        ends = {chain[-1]: chain for chain in self.ranks.returning}
        for a, b in self.ranks.backward:
            chain = ends.get(a, ())
            feeders = [s for s, t in self.ranks.forward if chain and t == chain[0]] or [a]
            touched = [column[n] for n in (*chain, *feeders, b)]
            found.append((min(touched), max(touched), chain, (a, b)))
        return sorted(found, key=lambda s: (s[1] - s[0], s[0]))

    def placed(self) -> Placed:
        bands = self._bands()
        y = 0.0
        for number, columns in enumerate(bands):
            y = self._band(number, columns, y)
        self.out.height = y
        for pair in self.ranks.forward:
            if pair in self.rows.ways:
                self._forward(pair)
        for a, b in self.ranks.forward:
            if b in self.ranks.below:
                self._into_return(a, b)
        for first, _, chain, (a, b) in self.spans:
            self._back(first, chain, a, b)
        return self.out

    def _bands(self) -> list[range]:
        """Columns of each band: even in width, few arrows between, and never broken inside of what
        runs back. The cheapest breaks of all, by dynamic programming."""
        count = len(self.widths)
        total = sum(self.widths) + GUTTER * max(count - 1, 0)
        number = max(1, -int(-total // self.wrap))
        best: list[dict[int, tuple[float, list[int]]]] = [{0: (0.0, [])}]
        for _ in range(number):
            step: dict[int, tuple[float, list[int]]] = {}
            for start, (cost, breaks) in best[-1].items():
                width = 0.0
                for end in range(start + 1, count + 1):
                    width += self.widths[end - 1] + GUTTER
                    uneven = (width * number / total - 1) ** 2 if total else 0.0
                    price = cost + uneven + 0.08 * self._crossing(end)
                    if end not in step or price < step[end][0]:
                        step[end] = (price, [*breaks, end])
            best.append(step)
        found = [b[count] for b in best if count in b]
        ends = min(found)[1] if found else []
        return [range(a, b) for a, b in pairwise([0, *ends])]

    def _crossing(self, end: int) -> float:
        """Arrows from before column `end` to it or beyond; far too many where it must not break."""
        if any(first < end <= last for first, last, _, _ in self.spans):
            return 1e6
        return float(len(self._wraps(end)))

    def _wraps(self, end: int) -> list[Pair]:
        """Pairs of neighbours on a way, the right one of which stands in column `end`."""
        column = self.rows.column
        found = []
        for (a, b), bends in self.rows.ways.items():
            way = (a, *bends, b)
            found += [p for p in pairwise(way) if column[p[1]] == end]
        return found

    def _band(self, number: int, columns: range, top: float) -> float:
        """Sets the columns and the boxes of a band that starts at `top`; returns its bottom."""
        arriving = len(self._wraps(columns[0])) if number else 0
        x = TRACK * arriving + (10.0 if number else 0.0)
        for c in columns:
            x += TRACK * sum(1 for first, _, _, _ in self.spans if c == first)
            self.grid.left.append(x)
            self.grid.right.append(x + self.widths[c])
            self.grid.band.append(number)
            leaving = sum(1 for _, last, _, _ in self.spans if c == last)
            x += self.widths[c] + GUTTER + TRACK * leaving
        wrapped = len(self._wraps(columns[-1] + 1))
        self.out.width = max(self.out.width, x - GUTTER + TRACK * wrapped + 10.0 * bool(wrapped))
        members = [n for n, c in self.rows.column.items() if c in columns]
        ends = {n: self.rows.y[n] - self._height(n) / 2 for n in members}
        low = min(ends.values(), default=0.0)
        high = max((self.rows.y[n] + self._height(n) / 2 for n in members), default=0.0)
        self.grid.middle.append(top - low)
        for name in members:
            if name in self.sizes:
                width, height = self.sizes[name]
                c = self.rows.column[name]
                left = self.grid.left[c] + (self.widths[c] - width) / 2
                self.out.corner[name] = (left, top - low + self.rows.y[name] - height / 2)
        self.bottom.append(self._returns(columns, top - low + high))
        return self.bottom[-1] + self._between(columns)

    def _returns(self, columns: range, bottom: float) -> float:
        """Rows below the boxes for what runs back, chains of boxes first; returns the new bottom.

        What spans no column in common shares a row.
        """
        here = [s for s in self.spans if s[0] in columns]
        for group in ([s for s in here if s[2]], [s for s in here if not s[2]]):
            rows: list[list[tuple[int, int, tuple[str, ...], Pair]]] = []
            for span in group:
                free = (r for r in rows if all(span[1] < s[0] or span[0] > s[1] for s in r))
                row = next(free, None)
                if row is None:
                    rows.append([span])
                else:
                    row.append(span)
            for row in rows:
                height = max([LANE, *(self.sizes[n][1] for s in row for n in s[2])])
                bottom += BELOW if row[0][2] else 0.0
                for _, _, chain, pair in row:
                    self.lane[pair] = bottom + height / 2
                    self._stand(chain, bottom + height / 2)
                bottom += height
        return bottom

    def _stand(self, chain: tuple[str, ...], y: float) -> None:
        for name in chain:
            c = self.ranks.column[name]
            width, height = self.sizes[name]
            left = self.grid.left[c] + (self.widths[c] - width) / 2
            self.out.corner[name] = (left, y - height / 2)

    def _between(self, columns: range) -> float:
        """Height of the space that arrows to the next band take."""
        wrapped = len(self._wraps(columns[-1] + 1))
        return 26.0 + TRACK * wrapped if wrapped else 0.0

    def _height(self, name: str) -> float:
        return self.sizes[name][1] if name in self.sizes else 0.0

    def _track(self, key: int, side: str) -> float:
        """Each line that runs up or down beside a column takes its own distance from it."""
        number = self.tracks.get((key, side), 0)
        self.tracks[key, side] = number + 1
        return TRACK * number

    def _y(self, name: str, side: int, other: str) -> float:
        """Where an arrow touches a box or bend: spread over the side, in the others' order."""
        if name not in self.sizes:
            return self.grid.middle[self.grid.band[self.rows.column[name]]] + self.rows.y[name]
        top = self.out.corner[name][1]
        height = self.sizes[name][1]
        upper, lower = self._ends(name, side)
        step = min(SPREAD, 0.6 * height / max(len(upper) + 2 * len(lower), 1))
        middle = (len(upper) - 1) / 2
        level = [n for n in upper if abs(self.rows.y[n] - self.rows.y.get(name, 0.0)) < 1]
        if len(upper) <= 3 and level:
            middle = upper.index(level[0])  # an arrow that can be straight is
        if other in upper:
            return top + height / 2 + step * (upper.index(other) - middle)
        return top + height / 2 + step * (len(upper) - middle + lower.index(other))

    def _ends(self, name: str, side: int) -> tuple[list[str], list[str]]:
        """What touches a box on its left (0) or right (1) from top to bottom; what runs back."""
        found = []
        for pair, bends in self.rows.ways.items():
            if pair[1 - side] == name:
                way = (pair[0], *bends, pair[1])
                found.append(way[-2] if side == 0 else way[1])
        upper = sorted(found, key=lambda n: self.rows.y[n])
        if side == 0:
            late = [s[3] for s in self.spans if s[3][1] == name]
            return upper, [f"\1{a}" for a, b in late]
        late = [(a, b) for a, b in self.ranks.forward if a == name and b in self.ranks.below]
        late += [s[3] for s in self.spans if not s[2] and s[3][0] == name]
        return upper, [f"\1{b}" for a, b in late]

    def _forward(self, pair: Pair) -> None:
        """Level beside a box, curved between columns, around the corner between bands."""
        a, b = pair
        way = (a, *self.rows.ways[pair], b)
        path = f"M{self._edge(a, 1):.1f} {self._y(a, 1, way[1]):.1f}"
        for left, right in pairwise(way):
            c, d = self.rows.column[left], self.rows.column[right]
            start = (self.grid.right[c], self._y(left, 1, right))
            end = (self.grid.left[d], self._y(right, 0, left))
            path += f"L{start[0]:.1f} {start[1]:.1f}"
            if self.grid.band[c] == self.grid.band[d]:
                path += _curve(start, end)
            else:
                path += "L" + rounded(self._wrapped((left, right), start, end))[1:]
        path += f"L{self._edge(b, 0):.1f} {self._y(b, 0, way[-2]):.1f}"
        self.out.lines.append(Line(a, b, path))

    def _edge(self, name: str, side: int) -> float:
        return self.out.corner[name][0] + side * self.sizes[name][0]

    def _wrapped(self, link: Pair, start: Point, end: Point) -> list[Point]:
        """Around the right end of a band and to the left end of the next; nested, as far as the
        order of the ends allows."""
        column = self.rows.column[link[1]]
        links = self._wraps(column)
        leaving = sorted(links, key=lambda p: -self._y(p[0], 1, p[1])).index(link)
        arriving = sorted(links, key=lambda p: self._y(p[1], 0, p[0])).index(link)
        band = self.grid.band[column - 1]
        right = self.grid.right[column - 1] + 14 + TRACK * leaving
        left = self.grid.left[column] - 14 - TRACK * arriving
        y = self.bottom[band] + 13 + TRACK * leaving
        return [start, (right, start[1]), (right, y), (left, y), (left, end[1]), end]

    def _into_return(self, a: str, b: str) -> None:
        """From a box to the first of a chain that runs back; or on within the chain."""
        left, top = self.out.corner[b]
        end = (left + self.sizes[b][0], top + self.sizes[b][1] / 2)
        if a in self.ranks.below:
            x, y = self.out.corner[a]
            start = (x, y + self.sizes[a][1] / 2)
            self.out.lines.append(
                Line(a, b, f"M{start[0]:.1f} {start[1]:.1f}" + _curve(start, end))
            )
            return
        start = (self._edge(a, 1), self._y(a, 1, f"\1{b}"))
        c = self.ranks.column[a]
        x = self.grid.right[c] + 12 + self._track(c, "right")
        self.out.lines.append(Line(a, b, rounded([start, (x, start[1]), (x, end[1]), end])))

    def _back(self, first: int, chain: tuple[str, ...], a: str, b: str) -> None:
        lane = self.lane[a, b]
        end = (self._edge(b, 0), self._y(b, 0, f"\1{a}"))
        x = self.grid.left[self.ranks.column[b]] - 14 - self._track(self.ranks.column[b], "left")
        if chain:
            left = self.out.corner[a][0]
            points = [(left, lane), (x, lane), (x, end[1]), end]
            if left < x:
                under = lane + self.sizes[a][1] / 2 + 6
                out = left - 10
                points = [(left, lane), (out, lane), (out, under), (x, under), (x, end[1]), end]
        else:
            start = (self._edge(a, 1), self._y(a, 1, f"\1{b}"))
            c = self.ranks.column[a]
            right = self.grid.right[c] + 12 + self._track(c, "right")
            points = [start, (right, start[1]), (right, lane), (x, lane), (x, end[1]), end]
        self.out.lines.append(Line(a, b, rounded(points)))


def _curve(start: Point, end: Point) -> str:
    """A cubic that leaves and arrives horizontally."""
    if abs(start[1] - end[1]) < 0.05:
        return f"L{end[0]:.1f} {end[1]:.1f}"
    middle = (start[0] + end[0]) / 2
    return f"C{middle:.1f} {start[1]:.1f} {middle:.1f} {end[1]:.1f} {end[0]:.1f} {end[1]:.1f}"


def rounded(points: list[Point]) -> str:
    """Straight lines between the points, with round corners."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        path += f"L{_toward(corner, before)}Q{corner[0]:.1f} {corner[1]:.1f} "
        path += _toward(corner, after)
    return path + f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"


def _toward(corner: Point, other: Point) -> str:
    """The point RADIUS, or half of the way, from a corner."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max((dx * dx + dy * dy) ** 0.5, 1e-9)
    part = min(RADIUS, length / 2) / length
    return f"{corner[0] + part * dx:.1f} {corner[1] + part * dy:.1f}"
