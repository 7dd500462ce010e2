"""What the charts of a report share: their measures, legend and grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from neurodeploy.report.svg import Axis, bar, line, text

WIDTH: Final = 720.0
LABELS: Final = 196.0
RIGHT: Final = WIDTH - 70.0
ROW: Final = 26.0


def legend(entries: Sequence[tuple[str, str]], x: float, y: float) -> list[str]:
    """Squares of the classes `kind` with their words, from left to right."""
    marks = []
    for kind, words in entries:
        marks.append(bar(x, y - 9, 10, 10, kind))
        marks.append(text(x + 15, y, words, "key"))
        x += 32 + 6.4 * len(words)
    return marks


def vertical_grid(
    axis: Axis, top: float, bottom: float, label: Callable[[float], str]
) -> list[str]:
    """A line for every tick, with its label below."""
    marks = []
    for tick in axis.ticks():
        x = axis(tick)
        marks.append(line(x, top, x, bottom, "grid"))
        marks.append(text(x, bottom + 16, label(tick), "tick", "middle"))
    return marks
