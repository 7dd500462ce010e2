"""Bars and dots of joules: by layer, and by hardware."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.report.chart import LABELS, RIGHT, ROW, WIDTH, legend, vertical_grid
from neurodeploy.report.document import Figure
from neurodeploy.report.foremost import place
from neurodeploy.report.svg import Axis, bar, dot, line, log_axis, shortened, svg, text
from neurodeploy.report.text import price, si

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


def layer_energy(estimate: EnergyEstimate) -> Figure:
    """Stacked bars: energy per inference of each layer, split by kind of operation."""
    layers = dict.fromkeys(t.layer for t in estimate.terms)
    sums = {layer: _split(estimate, layer) for layer in layers}
    sums = {layer: parts for layer, parts in sums.items() if sum(parts.values()) > 0}
    groups = [g for g in GROUPS if any(parts.get(g) for parts in sums.values())]
    longest = max((sum(parts.values()) for parts in sums.values()), default=1e-15)
    axis = Axis(0.0, longest, LABELS, RIGHT)
    top = 34.0
    marks = legend([(f"fill-{g}", GROUPS[g]) for g in groups], LABELS, 14.0)
    bottom = top + ROW * len(sums)
    marks += vertical_grid(axis, top, bottom, lambda v: price(v, "J"))
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
    whose = SIDES[estimate.side]
    caption = f"Energy per inference by layer, {whose}, on {place(estimate)} (estimated)."
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
    marks = legend([(f"fill-{s}", SIDES[s]) for s in sides], LABELS, 14.0)
    places = list(dict.fromkeys(place(e) for e in priced))
    top, y = 34.0, 34.0
    rows = []
    for name in places:
        group = [e for e in priced if place(e) == name]
        rows.append((name, y, group))
        y += 18.0 * len(group) + 12
    marks += vertical_grid(axis, top, y - 6, lambda v: price(v, "J"))
    for name, start, group in rows:
        middle = start + 9.0 * len(group) + 4
        marks.append(text(LABELS - 8, middle, shortened(name, 28), "label", "end"))
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


def _split(estimate: EnergyEstimate, layer: str) -> dict[str, float]:
    parts: dict[str, float] = {}
    for term in estimate.terms:
        if term.layer == layer and term.energy_j is not None:
            parts[term.group] = parts.get(term.group, 0.0) + term.energy_j
    return parts
