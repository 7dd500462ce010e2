"""Input rates against break-even lines, and spikes over time."""

from __future__ import annotations

from collections.abc import Sequence

from neurodeploy.bench.energy_records import BreakEven
from neurodeploy.bench.results import LayerResult, Raster
from neurodeploy.report.chart import LABELS, RIGHT, ROW, WIDTH, vertical_grid
from neurodeploy.report.document import Figure
from neurodeploy.report.svg import Axis, bar, dot, line, log_axis, shortened, svg, text, ticks_path
from neurodeploy.report.text import percent


def rates(layers: Sequence[LayerResult], lines: Sequence[BreakEven]) -> Figure | None:
    """Input rate of every spike-driven layer against the break-even rates, on a log axis."""
    driven = [x for x in layers if x.messages == "binary" and x.input_rate]
    lines = [x for x in lines if x.rate > 0]
    if not driven or not lines:
        return None
    values = [x.input_rate or 1.0 for x in driven] + [x.rate for x in lines]
    axis = log_axis(values, LABELS, RIGHT)
    ordered = sorted(lines, key=lambda x: x.rate)
    top = 46.0
    bottom = top + ROW * len(driven)
    marks = vertical_grid(axis, top, bottom, lambda v: percent(v, 1))
    last = [-100.0, -100.0]
    for number, entry in enumerate(ordered, 1):
        x = axis(entry.rate)
        level = 0 if x - last[0] >= 18 else 1
        last[level] = x
        marks.append(line(x, top - 8 - 14 * level, x, bottom, "breakeven"))
        marks.append(text(x, top - 12 - 14 * level, str(number), "mark", "middle"))
    for row, layer in enumerate(driven):
        y = top + ROW * row + ROW / 2
        rate = layer.input_rate or 0.0
        marks.append(text(LABELS - 8, y + 4, shortened(layer.name, 20), "label", "end"))
        marks.append(line(axis.start, y, axis(rate), y, "stem"))
        tip = f"{layer.name}: {percent(rate)} of inputs fire per step"
        marks.append(dot(axis(rate), y, 5, "fill-snn", tip))
        marks.append(text(axis(rate) + 9, y + 4, percent(rate), "value"))
    y = bottom + 44
    for number, entry in enumerate(ordered, 1):
        key = f"{number}   {percent(entry.rate)}   {entry.name}"
        marks.append(text(LABELS, y, key, "key"))
        y += 17
    caption = (
        "Mean input rate per step of each layer that receives spikes. A network whose mean rate is "
        "left of a numbered line spends less on synapses than the artificial one (log axis)."
    )
    words = "; ".join(f"{x.name} {percent(x.input_rate)}" for x in driven)
    words += ". Break-even: " + "; ".join(f"{x.name} {percent(x.rate)}" for x in ordered)
    return Figure(caption, svg(WIDTH, y, caption, marks), words)


def raster(entries: Sequence[Raster], dt_s: float) -> Figure | None:
    """Spikes of a sample of neurons of each layer over time."""
    shown = [r for r in entries if r.neurons and r.steps]
    if not shown:
        return None
    steps = max(r.steps for r in shown)
    axis = Axis(0.0, steps * dt_s, LABELS, RIGHT + 50)
    marks: list[str] = []
    y = 8.0
    for entry in shown:
        pitch = min(max(130.0 / len(entry.neurons), 2.0), 6.0)
        height = pitch * len(entry.neurons)
        marks.append(bar(axis.start, y, axis.end - axis.start, height, "panel"))
        points = [(axis((t + 0.5) * dt_s), y + pitch * row) for t, row in entry.events]
        marks.append(ticks_path(points, pitch * 0.85, "spike"))
        marks.append(text(LABELS - 8, y + height / 2, shortened(entry.layer, 20), "label", "end"))
        part = f"{len(entry.neurons)} of {entry.size:,}"
        marks.append(text(LABELS - 8, y + height / 2 + 14, part, "value", "end"))
        y += height + 10
    marks += vertical_grid(axis, y - 10, y - 6, lambda v: f"{v:g} s")
    spikes = sum(len(r.events) for r in shown)
    caption = "Spikes of one test sample, evenly spaced neurons of each layer."
    words = f"{spikes} spikes in {steps} steps of {len(shown)} layers"
    return Figure(caption, svg(WIDTH, y + 24, caption, marks), words)
