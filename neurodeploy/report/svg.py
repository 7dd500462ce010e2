"""A few SVG marks with escaped text. Colours come from the page's style sheet by class name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Axis:
    """Values `low..high` onto pixels `start..end`, linearly or by their logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        part = (min(max(value, low), high) - low) / (high - low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values within the axis: decades of a log axis, 4 to 9 steps of a linear one."""
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**e for e in range(first, last + 1)]
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span))
        step = next(s for s in (step, step / 2, step / 5) if span / s >= 3.999)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def log_axis(values: Sequence[float], start: float, end: float) -> Axis:
    """A log axis of whole decades around positive values."""
    low = 10.0 ** math.floor(math.log10(min(values)) - 1e-9)
    high = 10.0 ** math.ceil(math.log10(max(values)) + 1e-9)
    return Axis(low, high, start, end, log=True)


def svg(width: float, height: float, title: str, marks: Iterable[str]) -> str:
    """The element; it scales with its container and is announced by `title`."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}" '
        f'class="figure" xmlns="http://www.w3.org/2000/svg">{"".join(marks)}</svg>'
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words at a baseline point."""
    classes = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{classes}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    points = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {points} class="{kind}"/>'


def bar(x: float, y: float, width: float, height: float, kind: str, tip: str = "") -> str:
    """A rectangle; `tip` shows on hovering."""
    inside = f"<title>{escape(tip)}</title>" if tip else ""
    at = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"'
    return f'<rect {at} class="{kind}">{inside}</rect>'


def dot(x: float, y: float, radius: float, kind: str, tip: str = "") -> str:
    """A disc; `tip` shows on hovering."""
    inside = f"<title>{escape(tip)}</title>" if tip else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{kind}">{inside}</circle>'


def ticks_path(points: Iterable[tuple[float, float]], height: float, kind: str) -> str:
    """Many short vertical strokes as one path: a raster stays small."""
    strokes = "".join(f"M{x:.1f} {y:.1f}v{height:.1f}" for x, y in points)
    return f'<path d="{strokes}" class="{kind}"/>' if strokes else ""


def polyline(points: Sequence[tuple[float, float]], kind: str) -> str:
    """Straight lines through the points; nothing for fewer than two."""
    if len(points) < 2:
        return ""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{path}" class="{kind}"/>'


def shortened(words: str, limit: int) -> str:
    """`words`, cut in the middle if longer than `limit` characters."""
    if len(words) <= limit:
        return words
    half = (limit - 1) // 2
    return f"{words[: limit - 1 - half]}…{words[-half:]}"
