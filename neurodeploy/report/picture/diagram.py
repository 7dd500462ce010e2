"""A network before it is placed: boxes with a few words each, and arrows between them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Final, Literal

from neurodeploy.report.svg import shortened

Family = Literal["port", "weights", "neuron", "shape", "delay", "graph"]
TITLE_SIZE: Final = 12.5  # font sizes and widths in pixels
LINE_SIZE: Final = 10.5
WIDEST: Final = 160.0
HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn")
BOLD: Final = 1.12  # bold letters are wider


@dataclass(frozen=True)
class Box:
    """A node. `title` and `lines` stand in it, shortened if long; `tip` shows on hovering."""

    name: str
    title: str
    lines: tuple[str, ...] = ()
    family: Family = "shape"
    tip: str = ""
    inside: Diagram | None = None


@dataclass(frozen=True)
class Arrow:
    """recurrent: delivers one step later."""

    source: str
    target: str
    recurrent: bool = False


@dataclass(frozen=True)
class Diagram:
    """Names are unique among `boxes`; arrows to names that have no box are not drawn."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...] = ()
    title: str = field(default="network")


def shown_title(box: Box) -> str:
    """The title, cut in the middle until it fits."""
    return _fitting(printable(box.title) or "(no name)", TITLE_SIZE * BOLD)


def shown_lines(box: Box) -> tuple[str, ...]:
    return tuple(_fitting(printable(line), LINE_SIZE) for line in box.lines)


def _fitting(words: str, size: float) -> str:
    limit = len(words)
    while limit > 3 and text_width(shortened(words, limit), size) > WIDEST:
        limit = min(limit - 1, 60)
    return shortened(words, limit)


def printable(words: str) -> str:
    """One line of what XML can hold and a reader can see: controls and lone surrogates become �.

    Direction marks are replaced, too: they would turn the words beside them.
    """
    return "".join(
        " "
        if c in "\t\n\r"
        else "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(c) in HIDDEN
        else c
        for c in words
    )


def text_width(words: str, size: float) -> float:
    """An upper estimate of the pixels that words take at a font size."""
    wide = sum(unicodedata.east_asian_width(c) in ("W", "F") for c in words)
    capital = sum(c.isupper() or c in "mwMW@%…→×" for c in words)
    marks = sum(unicodedata.combining(c) > 0 for c in words)
    plain = len(words) - wide - capital - marks
    return size * (1.05 * wide + 0.76 * capital + 0.6 * plain)
