"""A diagram as one self-contained SVG: no script, nothing loaded, for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.report.picture.diagram import (
    BOLD,
    LINE_SIZE,
    TITLE_SIZE,
    Box,
    Diagram,
    printable,
    shown_lines,
    shown_title,
    text_width,
)
from neurodeploy.report.picture.ranks import rank
from neurodeploy.report.picture.routes import WRAP, Placed, place
from neurodeploy.report.picture.rows import place_rows

MOST_BOXES: Final = 500  # a picture of more than these is no picture
MARGIN: Final = 20.0
PADDING: Final = 12.0
LINE: Final = 14.0
HEADER: Final = 24.0  # of a box with boxes inside
FAMILIES: Final = {
    "port": ("input, output", "#6b7580", "#f1f3f5", "#9aa6b2", "#242b33"),
    "weights": ("weights", "#2f6fb0", "#e9f1fa", "#6aa8e0", "#1a2b3d"),
    "neuron": ("neurons", "#c0651a", "#fdf0e4", "#eda15c", "#3a2716"),
    "shape": ("shape", "#3d8548", "#eaf5ec", "#7cc288", "#1a3020"),
    "delay": ("delay", "#7a4f9e", "#f4edfa", "#b993db", "#2b1f38"),
    "graph": ("graph inside", "#8a939d", "#fafbfc", "#77818c", "#1a1f26"),
}
STYLE: Final = """
.nd-paper{fill:#fff}.nd-title{font-weight:600;fill:#1b1f24}.nd-line,.nd-key{fill:#56606b}
.nd-arrow{fill:none;stroke:#66717d;stroke-width:1.3}
.nd-late{fill:none;stroke:#b3261e;stroke-width:1.3;stroke-dasharray:5 3}
.nd-head{fill:#66717d}.nd-latehead{fill:#b3261e}
"""
DARK: Final = """
.nd-paper{fill:#14181d}.nd-title{fill:#e8ecf0}.nd-line,.nd-key{fill:#a5b0bb}
.nd-arrow{stroke:#97a3af}.nd-late{stroke:#f0857d}.nd-head{fill:#97a3af}.nd-latehead{fill:#f0857d}
"""


def draw(diagram: Diagram) -> str:
    """The `<svg>` element. Raises ConfigError for more boxes than a picture can show."""
    number = count_boxes(diagram)
    if number > MOST_BOXES:
        detail = f"{number} nodes, a picture shows at most {MOST_BOXES}"
        raise ConfigError(Diagnostic("--svg", "size", detail))
    marks, width, height = _inside(diagram, WRAP)
    present = _families(diagram)
    late = any_recurrent(diagram)
    key, key_width = _legend(present, late, MARGIN, MARGIN + height + 30)
    full = max(width, key_width) + 2 * MARGIN
    tall = height + 2 * MARGIN + 34
    words = escape(printable(diagram.title), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full:.0f} {tall:.0f}" '
        f'width="{full:.0f}" height="{tall:.0f}" role="img" aria-label="{words}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">'
        f"<title>{words}</title><style>{_style()}</style>{_markers()}"
        f'<rect class="nd-paper" width="{full:.0f}" height="{tall:.0f}"/>'
        f'<g transform="translate({MARGIN:g} {MARGIN:g})">{marks}</g>{key}</svg>\n'
    )


def count_boxes(diagram: Diagram) -> int:
    inside = (count_boxes(box.inside) for box in diagram.boxes if box.inside is not None)
    return len(diagram.boxes) + sum(inside)


def any_recurrent(diagram: Diagram) -> bool:
    inside = any(any_recurrent(box.inside) for box in diagram.boxes if box.inside is not None)
    return inside or any(arrow.recurrent for arrow in diagram.arrows)


def _families(diagram: Diagram) -> list[str]:
    """Families of all boxes, in the order of the legend."""
    found: set[str] = {box.family for box in diagram.boxes}
    for box in diagram.boxes:
        found.update(_families(box.inside) if box.inside is not None else ())
    return [family for family in FAMILIES if family in found]


def _inside(diagram: Diagram, wrap: float) -> tuple[str, float, float]:
    """Marks from (0, 0), width and height."""
    boxes = {box.name: box for box in diagram.boxes}
    inner = {n: _inside(b.inside, 1e9) for n, b in boxes.items() if b.inside is not None}
    sizes = {n: _nested_size(b, inner[n]) if n in inner else _size(b) for n, b in boxes.items()}
    ranks = rank(diagram)
    rows = place_rows(ranks, {n: h for n, (_, h) in sizes.items() if n not in ranks.below})
    placed = place(ranks, rows, sizes, wrap)
    marks = [_box(b, placed.corner[n], sizes[n], inner.get(n)) for n, b in boxes.items()]
    late = {(a.source, a.target) for a in diagram.arrows if a.recurrent}
    return "".join([*_arrows(placed, late), *marks]), placed.width, placed.height


def _arrows(placed: Placed, late: set[tuple[str, str]]) -> Iterable[str]:
    for line in placed.lines:
        kind = "late" if (line.source, line.target) in late else "arrow"
        tip = escape(printable(f"{line.source} → {line.target}"))
        end = "nd-latehead-mark" if kind == "late" else "nd-head-mark"
        yield (
            f'<path class="nd-{kind}" d="{line.path}" marker-end="url(#{end})">'
            f"<title>{tip}</title></path>"
        )


def _size(box: Box) -> tuple[float, float]:
    lines = shown_lines(box)
    widths = [text_width(shown_title(box), TITLE_SIZE * BOLD)]
    widths += [text_width(line, LINE_SIZE) for line in lines]
    return max(54.0, max(widths) + 2 * PADDING), 26.0 + LINE * len(lines)


def _nested_size(box: Box, inner: tuple[str, float, float]) -> tuple[float, float]:
    return max(_size(box)[0], inner[1] + 2 * PADDING), inner[2] + HEADER + 1.5 * PADDING


def _box(
    box: Box,
    corner: tuple[float, float],
    size: tuple[float, float],
    inner: tuple[str, float, float] | None,
) -> str:
    width, height = size
    radius = 13 if box.family == "port" else 5
    tip = f"<title>{escape(printable(box.tip or box.title))}</title>"
    dashed = ' stroke-dasharray="3 3"' if box.family == "graph" else ""
    marks = (
        f'<rect class="nd-{box.family}" width="{width:.1f}" height="{height:.1f}" rx="{radius}"'
        f"{dashed}/>"
    )
    title = escape(shown_title(box))
    if inner is not None:
        marks += _words(PADDING, 17.0, title, "nd-title", TITLE_SIZE, "start")
        left = (width - inner[1]) / 2
        marks += f'<g transform="translate({left:.1f} {HEADER + PADDING / 2:.1f})">{inner[0]}</g>'
    else:
        marks += _words(width / 2, 17.5, title, "nd-title", TITLE_SIZE, "middle")
        for number, line in enumerate(shown_lines(box), 1):
            y = 17.5 + LINE * number
            marks += _words(width / 2, y, escape(line), "nd-line", LINE_SIZE, "middle")
    x, y = corner
    return f'<g transform="translate({x:.1f} {y:.1f})">{tip}{marks}</g>'


def _words(x: float, y: float, escaped: str, kind: str, size: float, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" font-size="{size:g}" '
        f'text-anchor="{anchor}">{escaped}</text>'
    )


def _legend(families: list[str], late: bool, x: float, y: float) -> tuple[str, float]:
    marks, start = "", x
    for family in families:
        words = FAMILIES[family][0]
        marks += (
            f'<rect class="nd-{family}" x="{x:.1f}" y="{y - 9:.1f}" width="11" height="11" rx="2"/>'
        )
        marks += _words(x + 17, y, words, "nd-key", 11, "start")
        x += 17 + text_width(words, 11) + 20
    if late:
        path = f"M{x:.1f} {y - 3.5:.1f}h30"
        marks += f'<path class="nd-late" d="{path}" marker-end="url(#nd-latehead-mark)"/>'
        words = "delivers one step later"
        marks += _words(x + 38, y, words, "nd-key", 11, "start")
        x += 38 + text_width(words, 11)
    return marks, x - start


def _style() -> str:
    light = "".join(
        f".nd-{n}{{fill:{fill};stroke:{line};stroke-width:1.2}}"
        for n, (_, line, fill, _, _) in FAMILIES.items()
    )
    dark = "".join(
        f".nd-{n}{{fill:{fill};stroke:{line}}}" for n, (_, _, _, line, fill) in FAMILIES.items()
    )
    rules = f"{STYLE}{light}@media (prefers-color-scheme:dark){{{DARK}{dark}}}"
    return rules.replace("\n", "")


def _markers() -> str:
    return (
        "<defs>"
        + "".join(
            f'<marker id="nd-{n}-mark" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">'
            f'<path class="nd-{n}" d="M0 0.8L8 4L0 7.2z"/></marker>'
            for n in ("head", "latehead")
        )
        + "</defs>"
    )
