"""How a codec's training uses its codebooks: bits and codes over steps, a picture by itself.

bits        a stream's share of its bits, entropy / log2 of the book's size; thin: its groups
codes       the share of its codes that occur, of each stream and group
bit rates   entropy coded at each rate, kbit/s, against what the rate pays: the streams so far
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.report.svg import Axis, line, polyline, svg, text

STYLE: Final = (
    "<style>text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}path{fill:none;stroke-width:2}"
    ".thin{stroke-width:.7;stroke-opacity:.6}.s0{stroke:#440154}.s1{stroke:#3b528b}"
    ".s2{stroke:#21918c}.s3{stroke:#5ec962}.s4{stroke:#d9a400}.s5{stroke:#d55e00}</style>"
)
LEFT, RIGHT, TOP, BOTTOM = 56.0, 640.0, 34.0, 204.0  # of the first panel
PANEL: Final = 226.0  # from one panel to the next
Row = Mapping[str, Any]  # a validation: `step` and `val`
Curve = tuple[int, str, Sequence[float]]  # a stream, further classes, a value a validation


def codebook_usage(history: Sequence[Row], kbps: float) -> str:
    """An SVG of validations with codes (`train` of zoo/train/codec.py); a stream costs `kbps`.

    Validations from before books were logged one by one have streams alone. DataError for
    fewer than two validations with codes.
    """
    coded = [row for row in history if "bits_used_1" in row["val"]]
    if len(coded) < 2:
        detail = f"a curve needs two validations with codes, there are {len(coded)}"
        raise DataError(Diagnostic("history", "history-short", detail, "train further"))
    streams = sum(key.startswith("bits_used_") for key in coded[0]["val"])
    bits = [[row["val"][f"bits_used_{n + 1}"] for row in coded] for n in range(streams)]
    rates = [[kbps * sum(at[: n + 1]) for at in zip(*bits, strict=True)] for n in range(streams)]
    steps = Axis(0.0, float(coded[-1]["step"]), LEFT, RIGHT)
    panels: list[tuple[str, float, list[Curve]]] = [
        ("bits in use, share, a stream; thin: its groups", 1.0, _streams(bits)),
        ("bits in use at each bit rate, kbit/s, of what it pays", kbps * streams, _streams(rates)),
    ]
    if all("books" in row["val"] for row in coded):
        panels[0][2].extend(_groups(coded, "bits_used"))
        panels.append(("codes in use, share, a group", 1.0, _groups(coded, "codes_used")))
    marks = [STYLE]
    for number, (title, most, curves) in enumerate(panels):
        shift = PANEL * number
        y = Axis(0.0, most, BOTTOM + shift, TOP + shift)
        marks += _frame(title, steps, y)
        for stream, kind, values in curves:
            at = [(steps(row["step"]), y(v)) for row, v in zip(coded, values, strict=True)]
            marks.append(polyline(at, f"s{stream % 6} {kind}".strip()))
    marks += _legend(streams, PANEL * len(panels) + 8)
    caption = "Use of codebooks over training"
    return svg(RIGHT + 20, PANEL * len(panels) + 24, caption, marks) + "\n"


def _streams(values: Sequence[Sequence[float]]) -> list[Curve]:
    return [(n, "", of) for n, of in enumerate(values)]


def _groups(coded: Sequence[Row], what: str) -> list[Curve]:
    books = [row["val"]["books"][what] for row in coded]  # (validations, streams, groups)
    places = [(s, g) for s, groups in enumerate(books[0]) for g in range(len(groups))]
    return [(s, "thin", [at[s][g] for at in books]) for s, g in places]


def _frame(title: str, x: Axis, y: Axis) -> list[str]:
    marks = [text(LEFT, y.end - 12, title)]
    for tick in y.ticks():
        marks.append(line(LEFT, y(tick), RIGHT, y(tick), "grid"))
        marks.append(text(LEFT - 6, y(tick) + 4, f"{tick:g}", anchor="end"))
    for tick in x.ticks():
        marks.append(text(x(tick), y.start + 15, f"{tick:g}", anchor="middle"))
    return marks


def _legend(streams: int, y: float) -> list[str]:
    marks = []
    for stream in range(streams):
        x = LEFT + 88 * stream
        marks.append(polyline([(x, y - 4), (x + 18, y - 4)], f"s{stream % 6}"))
        marks.append(text(x + 23, y, f"stream {stream + 1}"))
    return marks
