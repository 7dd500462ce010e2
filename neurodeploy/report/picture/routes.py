"""How arrows run: curved between columns, around corners between bands, back below the boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from neurodeploy.report.picture.board import TRACK, Board, Point, Size
from neurodeploy.report.picture.ranks import Pair, Ranks
from neurodeploy.report.picture.rows import Rows

WRAP: Final = 1080.0
RADIUS: Final = 6.0
SPREAD: Final = 9.0  # between the ends of arrows at one box


@dataclass(frozen=True)
class Line:
    """An arrow's path: SVG path commands."""

    source: str
    target: str
    path: str


@dataclass(frozen=True)
class Placed:
    """Top left corners of boxes, lines, and the size of it all."""

    corner: Mapping[str, Point]
    lines: tuple[Line, ...]
    width: float
    height: float


def place(ranks: Ranks, rows: Rows, sizes: Mapping[str, Size], wrap: float = WRAP) -> Placed:
    """Everything in pixels from (0, 0); wider than `wrap` it is broken into bands."""
    board = Board(ranks, rows, sizes, wrap)
    return Placed(board.corner, tuple(_Routes(board).lines), board.width, board.height)


class _Routes:
    def __init__(self, board: Board) -> None:
        self.board = board
        self.tracks: dict[tuple[int, str], int] = {}
        self.lines: list[Line] = []
        self.spans = sorted(board.spans, key=lambda span: board.lane[span.pair])
        for pair in board.ranks.forward:
            if pair in board.rows.ways:
                self._forward(pair)
        for span in self.spans:
            for a, b in board.ranks.forward:
                if b in span.chain:
                    self._into_return(a, b)
            self._back(span.chain, *span.pair)

    def _track(self, key: int, side: str) -> float:
        """Each line that runs up or down beside a column takes its own distance from it."""
        number = self.tracks.get((key, side), 0)
        self.tracks[key, side] = number + 1
        return TRACK * number

    def _y(self, name: str, side: int, other: str) -> float:
        """Where an arrow touches a box or bend: spread over the side, in the others' order."""
        if name not in self.board.sizes:
            return (
                self.board.middle[self.board.band[self.board.rows.column[name]]]
                + self.board.rows.y[name]
            )
        top = self.board.corner[name][1]
        height = self.board.sizes[name][1]
        upper, lower = self._ends(name, side)
        step = min(SPREAD, 0.6 * height / max(len(upper) + 2 * len(lower), 1))
        middle = (len(upper) - 1) / 2
        level = [
            n for n in upper if abs(self.board.rows.y[n] - self.board.rows.y.get(name, 0.0)) < 1
        ]
        if len(upper) <= 3 and level:
            middle = upper.index(level[0])  # an arrow that can be straight is
        if other in upper:
            return top + height / 2 + step * (upper.index(other) - middle)
        return top + height / 2 + step * (len(upper) - middle + lower.index(other))

    def _ends(self, name: str, side: int) -> tuple[list[str], list[str]]:
        """What touches a box on its left (0) or right (1) from top to bottom; what runs back."""
        found = []
        for pair, bends in self.board.rows.ways.items():
            if pair[1 - side] == name:
                way = (pair[0], *bends, pair[1])
                found.append(way[-2] if side == 0 else way[1])
        upper = sorted(found, key=lambda n: self.board.rows.y[n])
        late = []
        for span in reversed(self.spans):  # the deepest first, so that none crosses another
            source, target = span.pair
            if side == 0 and target == name:
                late.append(f"\1{source}")
            elif side == 1 and span.chain and (name, span.chain[0]) in self.board.ranks.forward:
                late.append(f"\1{span.chain[0]}")
            elif side == 1 and not span.chain and source == name:
                late.append(f"\1{target}")
        return upper, late

    def _forward(self, pair: Pair) -> None:
        """Level beside a box, curved between columns, around the corner between bands."""
        a, b = pair
        way = (a, *self.board.rows.ways[pair], b)
        path = f"M{self._edge(a, 1):.1f} {self._y(a, 1, way[1]):.1f}"
        for left, right in pairwise(way):
            c, d = self.board.rows.column[left], self.board.rows.column[right]
            start = (self.board.right[c], self._y(left, 1, right))
            end = (self.board.left[d], self._y(right, 0, left))
            path += f"L{start[0]:.1f} {start[1]:.1f}"
            if self.board.band[c] == self.board.band[d]:
                path += _curve(start, end)
            else:
                path += "L" + rounded(self._wrapped((left, right), start, end))[1:]
        path += f"L{self._edge(b, 0):.1f} {self._y(b, 0, way[-2]):.1f}"
        self.lines.append(Line(a, b, path))

    def _edge(self, name: str, side: int) -> float:
        return self.board.corner[name][0] + side * self.board.sizes[name][0]

    def _wrapped(self, link: Pair, start: Point, end: Point) -> list[Point]:
        """Around the right end of a band and to the left end of the next; nested, as far as the
        order of the ends allows."""
        column = self.board.rows.column[link[1]]
        links = self.board.wraps(column)
        leaving = sorted(links, key=lambda p: -self._y(p[0], 1, p[1])).index(link)
        arriving = sorted(links, key=lambda p: self._y(p[1], 0, p[0])).index(link)
        band = self.board.band[column - 1]
        outside = sum(span.last == column - 1 for span in self.spans)
        right = self.board.right[column - 1] + 14 + TRACK * (leaving + outside)
        outside = sum(span.first == column for span in self.spans)
        left = self.board.left[column] - 14 - TRACK * (arriving + outside)
        y = self.board.bottom[band] + 13 + TRACK * leaving
        return [start, (right, start[1]), (right, y), (left, y), (left, end[1]), end]

    def _into_return(self, a: str, b: str) -> None:
        """From a box to the first of a chain that runs back; or on within the chain."""
        left, top = self.board.corner[b]
        end = (left + self.board.sizes[b][0], top + self.board.sizes[b][1] / 2)
        if a in self.board.ranks.below:
            x, y = self.board.corner[a]
            start = (x, y + self.board.sizes[a][1] / 2)
            self.lines.append(Line(a, b, f"M{start[0]:.1f} {start[1]:.1f}" + _curve(start, end)))
            return
        start = (self._edge(a, 1), self._y(a, 1, f"\1{b}"))
        c = self.board.ranks.column[a]
        x = self.board.right[c] + 12 + self._track(c, "right")
        self.lines.append(Line(a, b, rounded([start, (x, start[1]), (x, end[1]), end])))

    def _back(self, chain: tuple[str, ...], a: str, b: str) -> None:
        lane = self.board.lane[a, b]
        end = (self._edge(b, 0), self._y(b, 0, f"\1{a}"))
        x = (
            self.board.left[self.board.ranks.column[b]]
            - 14
            - self._track(self.board.ranks.column[b], "left")
        )
        if chain:
            left = self.board.corner[a][0]
            points = [(left, lane), (x, lane), (x, end[1]), end]
            if left < x:
                under = lane + self.board.sizes[a][1] / 2 + 6
                out = left - 10
                points = [(left, lane), (out, lane), (out, under), (x, under), (x, end[1]), end]
        else:
            start = (self._edge(a, 1), self._y(a, 1, f"\1{b}"))
            c = self.board.ranks.column[a]
            right = self.board.right[c] + 12 + self._track(c, "right")
            points = [start, (right, start[1]), (right, lane), (x, lane), (x, end[1]), end]
        self.lines.append(Line(a, b, rounded(points)))


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
