"""Pictures of where two stages part: over time, in the worst neuron's membrane, spike by spike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from neurodeploy.agreement.evidence import LayerEvidence, SpikeRaster, Window
from neurodeploy.report.document import Figure
from neurodeploy.report.svg import (
    Axis,
    bar,
    line,
    polyline,
    shortened,
    svg,
    text,
    ticks_path,
)
from neurodeploy.report.text import percent

WIDTH: Final = 720.0
LEFT: Final = 150.0
RIGHT: Final = WIDTH - 70.0
STRIP: Final = 34.0
QUANTITIES: Final = {"v": "membrane", "u": "current"}


def over_time(evidence: Sequence[LayerEvidence], dt_s: float) -> Figure:
    """What differs in each bin of steps, a strip per layer."""
    first = evidence[0]
    axis = Axis(0.0, float(max(len(e.course) * e.bin_steps for e in evidence)), LEFT, RIGHT)
    marks, y, words = [], 12.0, []
    for e in evidence:
        most = max(e.course)
        marks.append(bar(LEFT, y, RIGHT - LEFT, STRIP, "panel"))
        for i, value in enumerate(e.course):
            height = STRIP * value / most
            x, end = axis(i * e.bin_steps), axis((i + 1) * e.bin_steps)
            if value:
                tip = f"from step {i * e.bin_steps}: {_amount(e, value)}"
                width = max(end - x - 0.4, 0.6)
                marks.append(bar(x, y + STRIP - height, width, height, "fill-differing", tip))
        marks.append(text(LEFT - 8, y + 15, shortened(e.layer, 20), "label", "end"))
        marks.append(text(LEFT - 8, y + 29, QUANTITIES.get(e.quantity, e.quantity), "value", "end"))
        marks.append(text(RIGHT + 6, y + 10, _amount(e, most), "value"))
        words.append(f"{e.layer}: at most {_amount(e, most)}")
        y += STRIP + 10
    marks += _time_axis(axis, 12.0, y - 6)
    bins = "" if first.bin_steps == 1 else f" Bins of {first.bin_steps} steps."
    caption = (
        f"{first.left} against {first.right} over time (a step is {1e3 * dt_s:g} ms): the share of "
        f"spikes and silences that differ; of a membrane, the mean difference. The number is the "
        f"tallest bar's.{bins}"
    )
    return Figure(caption, svg(WIDTH, y + 24, caption, marks), "; ".join(words))


def _amount(e: LayerEvidence, value: float) -> str:
    return percent(value) if e.quantity == "spikes" else f"{value:.2g}"


def membrane(e: LayerEvidence) -> Figure | None:
    """The worst neuron's membrane in both stages; None if neither its membrane was recorded."""
    w = e.window
    if w is None or not w.left or not w.right:
        return None
    top, bottom = 42.0, 190.0
    axis = Axis(float(w.start), float(w.start + max(w.steps - 1, 1)), LEFT - 90, RIGHT)
    ends = [*w.left, *w.right, *([] if w.threshold is None else [w.threshold])]
    low, high = min(ends), max(ends)
    pad = 0.06 * (high - low) or 1.0
    level = Axis(low - pad, high + pad, bottom, top)
    marks = _legend([("fill-left", e.left), ("fill-right", e.right)], LEFT - 90, 14.0)
    for tick in level.ticks():
        marks.append(line(axis.start, level(tick), axis.end, level(tick), "grid"))
        marks.append(text(axis.start - 6, level(tick) + 4, f"{tick:.4g}", "tick", "end"))
    if w.threshold is not None:
        y = level(w.threshold)
        marks.append(line(axis.start, y, axis.end, y, "level"))
        marks.append(text(axis.end + 5, y + 4, "threshold", "tick"))
    moment = _first_difference(w)
    marks.append(line(axis(moment), top - 14, axis(moment), bottom, "moment"))
    for values, kind in ((w.left, "left"), (w.right, "right")):
        points = [(axis(w.start + i), level(v)) for i, v in enumerate(values)]
        marks.append(polyline(points, f"course stroke-{kind}"))
    for spikes, kind, y in ((w.left_spikes, "left", top - 16), (w.right_spikes, "right", top - 8)):
        marks.append(ticks_path([(axis(t), y) for t in spikes], 6.0, f"tick-{kind}"))
    marks += _time_axis(axis, top, bottom)
    neuron = ", ".join(map(str, w.index))
    caption = (
        f"{e.layer}: membrane of neuron ({neuron}) of sample {w.sample}, where {e.left} and "
        f"{e.right} differ most; ticks above are its spikes, the red line is step {moment}."
    )
    words = f"{len(w.left_spikes)} spikes in {e.left}, {len(w.right_spikes)} in {e.right}"
    return Figure(caption, svg(WIDTH, bottom + 26, caption, marks), words)


def _first_difference(w: Window) -> int:
    apart = set(w.left_spikes) ^ set(w.right_spikes)
    if apart:
        return min(apart)
    gaps = [abs(a - b) for a, b in zip(w.left, w.right, strict=True)]
    return w.start + gaps.index(max(gaps))


def raster(e: LayerEvidence) -> Figure | None:
    """Spikes that both stages have, and those of one alone; None for a layer without spikes."""
    r = e.raster
    if r is None or not r.neurons:
        return None
    pitch = min(9.0, max(3.5, 200.0 / len(r.neurons)))
    height = pitch * len(r.neurons)
    top = 34.0
    axis = Axis(float(r.start), float(r.start + r.steps), LEFT - 90, RIGHT)
    marks = _legend(
        [("fill-both", "both"), ("fill-left", f"{e.left} only"), ("fill-right", f"{e.right} only")],
        LEFT - 90,
        14.0,
    )
    marks.append(bar(axis.start, top, axis.end - axis.start, height, "panel"))
    for events, kind in ((r.both, "both"), (r.left_only, "left"), (r.right_only, "right")):
        points = [(axis(t + 0.5), top + pitch * row) for t, row in events]
        marks.append(ticks_path(points, pitch * 0.85, f"tick-{kind}"))
    marks += _time_axis(axis, top, top + height + 2)
    caption = (
        f"{e.layer}: spikes of sample {r.sample}, {len(r.neurons)} neurons evenly spaced, and the "
        f"worst one."
    )
    return Figure(caption, svg(WIDTH, top + height + 28, caption, marks), _raster_words(e, r))


def _raster_words(e: LayerEvidence, r: SpikeRaster) -> str:
    alone = f"{len(r.left_only)} in {e.left} only, {len(r.right_only)} in {e.right} only"
    return f"{len(r.both)} spikes in both, {alone}"


def _legend(entries: Sequence[tuple[str, str]], x: float, y: float) -> list[str]:
    marks = []
    for kind, words in entries:
        marks += [bar(x, y - 9, 10, 10, kind), text(x + 15, y, words, "key")]
        x += 34 + 6.6 * len(words)
    return marks


def _time_axis(axis: Axis, top: float, bottom: float) -> list[str]:
    marks = []
    for tick in axis.ticks():
        if tick == round(tick):
            marks.append(line(axis(tick), top, axis(tick), bottom, "grid"))
            marks.append(text(axis(tick), bottom + 16, f"{tick:.0f}", "tick", "middle"))
    marks.append(text(axis.end + 20, bottom + 16, "step", "tick"))  # right of the last number
    return marks
