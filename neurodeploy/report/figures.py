"""The report's figures, drawn from results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from neurodeploy.bench.energy_records import BreakEven, EnergyEstimate
from neurodeploy.bench.results import LayerResult, Raster, Results
from neurodeploy.report.document import Figure
from neurodeploy.report.svg import (
    Axis,
    bar,
    dot,
    line,
    log_axis,
    shortened,
    svg,
    text,
    ticks_path,
)
from neurodeploy.report.text import percent, price, si

WIDTH: Final = 720.0
LABELS: Final = 150.0
RIGHT: Final = WIDTH - 70.0
ROW: Final = 26.0
GROUPS: Final = {
    "synapses": "synaptic operations",
    "neurons": "neuron updates",
    "memory": "memory and addresses",
    "spikes": "spikes sent",
    "traffic": "messages and hops",
    "static": "static power",
}
SIDES: Final = {
    "snn": "spiking",
    "ann": "artificial, dense",
    "ann-zero-skipping": "artificial, zero-skipping",
}


def place(estimate: EnergyEstimate) -> str:
    """ "cmos45nm, fp32"; a chip has its own arithmetic and needs no second word."""
    if estimate.precision in ("on-chip", "on-processor"):
        return estimate.hardware
    memory = " with memory" if estimate.model == "memory-aware" else ""
    return f"{estimate.hardware}, {estimate.precision}{memory}"


def layer_energy(estimate: EnergyEstimate, layers: Sequence[str]) -> Figure:
    """Stacked bars: energy per inference of each layer, split by kind of operation."""
    sums = {layer: _split(estimate, layer) for layer in layers}
    sums = {layer: parts for layer, parts in sums.items() if sum(parts.values()) > 0}
    groups = [g for g in GROUPS if any(parts.get(g) for parts in sums.values())]
    longest = max((sum(parts.values()) for parts in sums.values()), default=1e-15)
    axis = Axis(0.0, longest, LABELS, RIGHT)
    top = 34.0
    marks = _legend([(f"fill-{g}", GROUPS[g]) for g in groups], LABELS, 14.0)
    bottom = top + ROW * len(sums)
    marks += _vertical_grid(axis, top, bottom, lambda v: price(v, "J"))
    for row, (layer, parts) in enumerate(sums.items()):
        y = top + ROW * row + 4
        marks.append(text(LABELS - 8, y + 13, shortened(layer, 20), "label", "end"))
        x = axis(0.0)
        for group in groups:
            width = axis(parts.get(group, 0.0)) - axis(0.0)
            tip = f"{layer}, {GROUPS[group]}: {si(parts.get(group, 0.0), 'J')}"
            marks.append(bar(x, y, width, ROW - 8, f"fill-{group}", tip))
            x += width
        marks.append(text(x + 6, y + 13, si(sum(parts.values()), "J"), "value"))
    words = "; ".join(f"{layer} {si(sum(parts.values()), 'J')}" for layer, parts in sums.items())
    caption = f"Energy per inference by layer on {place(estimate)} (estimated)."
    picture = svg(WIDTH, bottom + 26, caption, marks)
    return Figure(caption, picture, words)


def totals(estimates: Sequence[EnergyEstimate]) -> Figure | None:
    """Dots with bands on a log axis: each side on each hardware and precision."""
    priced = [e for e in estimates if e.energy_j]
    if not priced:
        return None
    ends = [e.low_j or e.energy_j or 0 for e in priced] + [e.high_j or 0 for e in priced]
    axis = log_axis([v for v in ends if v > 0], LABELS, RIGHT)
    sides = [s for s in SIDES if any(e.side == s for e in priced)]
    marks = _legend([(f"fill-{s}", SIDES[s]) for s in sides], LABELS, 14.0)
    places = list(dict.fromkeys(place(e) for e in priced))
    top, y = 34.0, 34.0
    rows = []
    for name in places:
        group = [e for e in priced if place(e) == name]
        rows.append((name, y, group))
        y += 18.0 * len(group) + 12
    marks += _vertical_grid(axis, top, y - 6, lambda v: price(v, "J"))
    for name, start, group in rows:
        middle = start + 9.0 * len(group) + 4
        marks.append(text(LABELS - 8, middle, name, "label", "end"))
        for index, e in enumerate(group):
            at = start + 9 + 18 * index
            marks += _whisker(axis, e, at)
    words = "; ".join(f"{SIDES[e.side]} on {place(e)} {si(e.energy_j, 'J')}" for e in priced)
    caption = "Energy per inference with its sensitivity band (estimated, log axis)."
    return Figure(caption, svg(WIDTH, y + 22, caption, marks), words)


def _whisker(axis: Axis, e: EnergyEstimate, y: float) -> list[str]:
    energy = e.energy_j or 0.0
    low, high = e.low_j or energy, e.high_j or energy
    tip = f"{SIDES[e.side]}: {si(energy, 'J')} ({si(low, 'J')} to {si(high, 'J')})"
    return [
        line(axis(low), y, axis(high), y, f"whisker stroke-{e.side}"),
        dot(axis(energy), y, 4.5, f"fill-{e.side}", tip),
        text(axis(high) + 7, y + 4, si(energy, "J"), "value"),
    ]


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
    marks = _vertical_grid(axis, top, bottom, lambda v: percent(v, 1))
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
    marks += _vertical_grid(axis, y - 10, y - 6, lambda v: f"{v:g} s")
    spikes = sum(len(r.events) for r in shown)
    caption = "Spikes of one test sample, evenly spaced neurons of each layer."
    words = f"{spikes} spikes in {steps} steps of {len(shown)} layers"
    return Figure(caption, svg(WIDTH, y + 24, caption, marks), words)


def all_layers(results: Results) -> tuple[str, ...]:
    """Populations in order, and the chip's own terms last."""
    return (*(layer.name for layer in results.layers), "(chip)")


def _split(estimate: EnergyEstimate, layer: str) -> dict[str, float]:
    parts: dict[str, float] = {}
    for term in estimate.terms:
        if term.layer == layer and term.energy_j is not None:
            parts[term.group] = parts.get(term.group, 0.0) + term.energy_j
    return parts


def _legend(entries: Sequence[tuple[str, str]], x: float, y: float) -> list[str]:
    marks = []
    for kind, words in entries:
        marks.append(bar(x, y - 9, 10, 10, kind))
        marks.append(text(x + 15, y, words, "key"))
        x += 32 + 6.4 * len(words)
    return marks


def _vertical_grid(
    axis: Axis, top: float, bottom: float, label: Callable[[float], str]
) -> list[str]:
    marks = []
    for tick in axis.ticks():
        x = axis(tick)
        marks.append(line(x, top, x, bottom, "grid"))
        marks.append(text(x, bottom + 16, label(tick), "tick", "middle"))
    return marks
