"""Where the boxes stand, in pixels: columns side by side, in one band or several.

A network wider than `wrap` is broken into bands like a line of text. What leads back runs in rows
of its own below the boxes of its band, chains of boxes above bare lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from neurodeploy.report.picture.ranks import Pair, Ranks
from neurodeploy.report.picture.rows import Rows

GUTTER: Final = 40.0  # between columns
TRACK: Final = 7.0  # between parallel lines
LANE: Final = 18.0  # height of a line that leads back
BELOW: Final = 14.0  # between the boxes and what runs back below them
WIDEST: Final = 2.5  # a band over its fair share, before it is no choice

Point = tuple[float, float]
Size = tuple[float, float]


class Span(NamedTuple):
    """What leads back: its first and last column, the boxes on it, and the arrow that closes it."""

    first: int
    last: int
    chain: tuple[str, ...]
    pair: Pair


class Board:
    """Corners of all boxes. Column c spans left[c]..right[c] in band[c].

    middle and bottom: of each band, where rows.y = 0 is and where its boxes end; lane: the height
    at which each backward arrow runs back.
    """

    def __init__(self, ranks: Ranks, rows: Rows, sizes: Mapping[str, Size], wrap: float) -> None:
        self.ranks, self.rows, self.sizes, self.wrap = ranks, rows, sizes, wrap
        count = max(ranks.column.values(), default=-1) + 1
        self.widths = [0.0] * count
        for name, column in ranks.column.items():
            self.widths[column] = max(self.widths[column], sizes[name][0])
        self.spans = self._spans()
        self.left: list[float] = []
        self.right: list[float] = []
        self.band: list[int] = []
        self.middle: list[float] = []
        self.bottom: list[float] = []
        self.lane: dict[Pair, float] = {}
        self.corner: dict[str, Point] = {}
        self.width = self.height = 0.0
        for number, columns in enumerate(self._bands()):
            self.height = self._band(number, columns, self.height)

    def _spans(self) -> list[Span]:
        """What runs back: first and last column, the chain of boxes on it, source and target."""
        column, found = self.ranks.column, []
        ends = {chain[-1]: chain for chain in self.ranks.returning}
        for a, b in self.ranks.backward:
            chain = ends.get(a, ())
            feeders = [s for s, t in self.ranks.forward if chain and t == chain[0]] or [a]
            touched = [column[n] for n in (*chain, *feeders, b)]
            found.append(Span(min(touched), max(touched), chain, (a, b)))
        return sorted(found, key=lambda s: (s.last - s.first, s.first))

    def _bands(self) -> list[range]:
        """Columns of each band: even in width, few arrows between, and never broken inside of what
        runs back. The cheapest breaks of all, by dynamic programming."""
        count = len(self.widths)
        total = sum(self.widths) + GUTTER * max(count - 1, 0)
        number = max(1, -int(-total // self.wrap))
        crossing = [self._crossing(end) for end in range(count + 1)]
        best: list[dict[int, tuple[float, list[int]]]] = [{0: (0.0, [])}]
        for _ in range(number):
            step: dict[int, tuple[float, list[int]]] = {}
            for start, (cost, breaks) in best[-1].items():
                width = 0.0
                for end in range(start + 1, count + 1):
                    width += self.widths[end - 1] + GUTTER
                    uneven = (width * number / total - 1) ** 2 if total else 0.0
                    price = cost + uneven + 0.08 * crossing[end]
                    if end not in step or price < step[end][0]:
                        step[end] = (price, [*breaks, end])
                    if width * number > WIDEST * total and crossing[end] < 1e6:
                        break
            best.append(step)
        found = [b[count] for b in best if count in b]
        ends = min(found)[1] if found else []
        return [range(a, b) for a, b in pairwise([0, *ends])]

    def _crossing(self, end: int) -> float:
        """Arrows from before column `end` to it or beyond; far too many where it must not break."""
        if any(s.first < end <= s.last for s in self.spans):
            return 1e6
        return float(len(self.wraps(end)))

    def wraps(self, end: int) -> list[Pair]:
        """Pairs of neighbours on a way, the right one of which stands in column `end`."""
        column = self.rows.column
        found = []
        for (a, b), bends in self.rows.ways.items():
            way = (a, *bends, b)
            found += [p for p in pairwise(way) if column[p[1]] == end]
        return found

    def _band(self, number: int, columns: range, top: float) -> float:
        """Sets the columns and the boxes of a band that starts at `top`; returns its bottom."""
        arriving = len(self.wraps(columns[0])) if number else 0
        x = TRACK * arriving + (10.0 if number else 0.0)
        for c in columns:
            x += TRACK * sum(1 for s in self.spans if c == s.first)
            self.left.append(x)
            self.right.append(x + self.widths[c])
            self.band.append(number)
            leaving = sum(1 for s in self.spans if c == s.last)
            x += self.widths[c] + GUTTER + TRACK * leaving
        wrapped = len(self.wraps(columns[-1] + 1))
        self.width = max(self.width, x - GUTTER + TRACK * wrapped + 10.0 * bool(wrapped))
        members = [n for n, c in self.rows.column.items() if c in columns]
        ends = {n: self.rows.y[n] - self._height(n) / 2 for n in members}
        low = min(ends.values(), default=0.0)
        high = max((self.rows.y[n] + self._height(n) / 2 for n in members), default=0.0)
        self.middle.append(top - low)
        for name in members:
            if name in self.sizes:
                width, height = self.sizes[name]
                c = self.rows.column[name]
                left = self.left[c] + (self.widths[c] - width) / 2
                self.corner[name] = (left, top - low + self.rows.y[name] - height / 2)
        self.bottom.append(self._returns(columns, top - low + high))
        return self.bottom[-1] + self._between(columns)

    def _returns(self, columns: range, bottom: float) -> float:
        """Rows below the boxes for what runs back, chains of boxes first; returns the new bottom.

        What spans no column in common shares a row.
        """
        here = [s for s in self.spans if s.first in columns]
        for group in ([s for s in here if s.chain], [s for s in here if not s.chain]):
            rows: list[list[Span]] = []
            for span in group:
                free = (
                    r for r in rows if all(span.last < s.first or span.first > s.last for s in r)
                )
                row = next(free, None)
                if row is None:
                    rows.append([span])
                else:
                    row.append(span)
            for row in rows:
                height = max([LANE, *(self.sizes[n][1] for s in row for n in s[2])])
                bottom += BELOW if row[0].chain else 0.0
                for span in row:
                    self.lane[span.pair] = bottom + height / 2
                    self._stand(span.chain, bottom + height / 2)
                bottom += height
        return bottom

    def _stand(self, chain: tuple[str, ...], y: float) -> None:
        for name in chain:
            c = self.ranks.column[name]
            width, height = self.sizes[name]
            left = self.left[c] + (self.widths[c] - width) / 2
            self.corner[name] = (left, y - height / 2)

    def _between(self, columns: range) -> float:
        """Height of the space that arrows to the next band take."""
        wrapped = len(self.wraps(columns[-1] + 1))
        return 26.0 + TRACK * wrapped if wrapped else 0.0

    def _height(self, name: str) -> float:
        return self.sizes[name][1] if name in self.sizes else 0.0
