"""Pictures of trade-offs: quality against energy, energy against steps, a roofline, a tornado."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from neurodeploy.bench.energy_records import Intensity, OperatingPoint, Swing
from neurodeploy.report.chart import LABELS, RIGHT, ROW, WIDTH, legend, vertical_grid
from neurodeploy.report.document import Figure
from neurodeploy.report.energy_figures import SIDES
from neurodeploy.report.svg import Axis, bar, dot, line, log_axis, polyline, svg, text
from neurodeploy.report.text import percent, price, si, significant

Label = Callable[[float], str]
TOP: Final = 34.0
BOTTOM: Final = 260.0
WIDE: Final = 20.0  # largest over least, from where on an axis is logarithmic
MOST_PRICES: Final = 8


def pareto(points: Sequence[OperatingPoint], place: str, name: str, metric: str) -> Figure | None:
    """Quality over energy: a dot for each number of steps, and for the artificial network.

    An artificial network of unknown quality is a vertical line.
    """
    known = [p for p in points if place in p.energies]
    scored = [p for p in known if metric in p.quality]
    if not scored:
        return None
    x = log_axis([p.energies[place] for p in known], 90.0, RIGHT)
    y = _linear([p.quality[metric] for p in scored])
    marks = frame(x, y, lambda v: price(v, "J"), lambda v: f"{100 * v:g} %")
    marks += _legend(known)
    spiking = [p for p in scored if p.side == "snn"]
    path = [(x(p.energies[place]), y(p.quality[metric])) for p in spiking]
    marks.append(polyline(path, "course stroke-snn"))
    for p in scored:
        at = x(p.energies[place]), y(p.quality[metric])
        marks.append(dot(*at, 4.5, f"fill-{p.side}", _said(p, place, metric)))
        if p.side == "snn":
            shift, anchor = (8, "start") if p is spiking[-1] else (-8, "end")
            marks.append(text(at[0] + shift, at[1] + 4, f"T = {p.steps}", "value", anchor))
    for p in known:
        if p not in scored:
            at_x = x(p.energies[place])
            marks.append(line(at_x, TOP, at_x, BOTTOM, f"course stroke-{p.side}"))
    unknown = "" if len(scored) == len(known) else " A line is a network of unknown quality."
    title = metric[:1].upper() + metric[1:]
    caption = f"{title} against energy per inference on {name} (estimated, log axis).{unknown}"
    words = "; ".join(_said(p, place, metric) for p in known)
    return Figure(caption, svg(WIDTH, BOTTOM + 30, caption, marks), words)


def energy_over_steps(points: Sequence[OperatingPoint], place: str, name: str) -> Figure | None:
    """Joules after so many steps; the artificial network's passes as they come."""
    known = [p for p in points if place in p.energies]
    spiking = [p for p in known if p.side == "snn"]
    if len(spiking) < 2:
        return None
    steps = max(p.steps for p in spiking)
    x = Axis(0.0, float(steps), 90.0, RIGHT)
    y = Axis(0.0, 1.05 * max(p.energies[place] for p in known), BOTTOM, TOP)
    marks = frame(x, y, lambda v: f"{v:g}", lambda v: price(v, "J"))
    marks += _legend(known)
    for p in known:
        if p.side != "snn":
            start = y(0.0) if p.steps > 1 else y(p.energies[place])
            ends = [(x(0.0), start), (x(float(steps)), y(p.energies[place]))]
            marks.append(polyline(ends, f"course stroke-{p.side}"))
    path = [(x(float(p.steps)), y(p.energies[place])) for p in spiking]
    marks.append(polyline(path, "course stroke-snn"))
    for p, at in zip(spiking, path, strict=True):
        marks.append(dot(*at, 4.5, "fill-snn", f"{p.steps} steps: {si(p.energies[place], 'J')}"))
    caption = f"Energy against steps on {name} (estimated)."
    words = "; ".join(f"{SIDES[p.side]} {p.name}: {si(p.energies[place], 'J')}" for p in known)
    return Figure(caption, svg(WIDTH, BOTTOM + 30, caption, marks), words)


def roofline(layers: Sequence[Intensity], add_j: float, byte_j: float) -> Figure | None:
    """Joules per operation over operations per byte; the curve is an addition and a byte of SRAM.

    Left of the bend memory decides, right of it arithmetic.
    """
    shown = [i for i in layers if i.operations > 0 and i.bytes > 0]
    if not shown:
        return None
    intensity = [i.operations / i.bytes for i in shown]
    each = [i.energy_j / i.operations for i in shown]
    x = log_axis([*intensity, byte_j / add_j], 90.0, RIGHT)
    y = log_axis([*each, 1.01 * add_j], BOTTOM, TOP)
    marks = frame(x, y, lambda v: f"{v:g}", lambda v: price(v, "J"))
    marks += legend([(f"fill-{s}", SIDES[s]) for s in dict.fromkeys(i.side for i in shown)], 90, 14)
    grid = [x.low * (x.high / x.low) ** (n / 60) for n in range(61)]
    curve = [(x(v), y(add_j + byte_j / v)) for v in grid if add_j + byte_j / v <= y.high]
    marks.append(polyline(curve, "course stroke-floor"))
    for i, at, joules in zip(shown, intensity, each, strict=True):
        marks.append(dot(x(at), y(joules), 4.5, f"fill-{i.side}", _traffic(i)))
        marks.append(text(x(at) + 7, y(joules) + 4, i.layer[:18], "value"))
    caption = (
        "Energy per operation over operations per byte moved, by layer, memory-aware (log axes). "
        "Dashed: a 32-bit addition and its bytes from an 8 KB SRAM."
    )
    words = "; ".join(map(_traffic, shown))
    return Figure(caption, svg(WIDTH, BOTTOM + 30, caption, marks), words)


def tornado(swings: Sequence[Swing]) -> Figure:
    """A bar for each price, from its low end's ratio to its high end's."""
    first, swings = swings[0], swings[:MOST_PRICES]
    ends = [end for s in swings for end in (s.low, s.high)]
    wide = max(*ends, 1.0) / min(*ends, 1.0) > WIDE
    axis = (
        log_axis([*ends, 1.0], LABELS, RIGHT)
        if wide
        else Axis(0.0, 1.05 * max(*ends, 1.0), LABELS, RIGHT)
    )
    top, bottom = 12.0, 12.0 + ROW * len(swings)
    marks = vertical_grid(axis, top, bottom, lambda v: f"{v:g} ×")
    for row, s in enumerate(swings):
        y = top + ROW * row + 4
        tip = f"{s.price}: {significant(s.low)} × to {significant(s.high)} ×"
        marks.append(text(LABELS - 8, y + 13, s.price, "label", "end"))
        marks.append(
            bar(axis(s.low), y, max(axis(s.high) - axis(s.low), 1.0), ROW - 8, "fill-snn", tip)
        )
        marks.append(text(axis(s.high) + 6, y + 13, tip.partition(": ")[2], "value"))
    marks.append(line(axis(1.0), top, axis(1.0), bottom, "breakeven"))
    scale = " (log axis)" if wide else ""
    caption = (
        f"Artificial over spiking on {first.hardware}, {first.precision}, {first.model}, with one "
        f"price at a time at either end of its band{scale}. Right of the line the spiking "
        "network costs less."
    )
    words = "; ".join(f"{s.price} {significant(s.low)} to {significant(s.high)}" for s in swings)
    return Figure(caption, svg(WIDTH, bottom + 26, caption, marks), words)


def _said(p: OperatingPoint, place: str, metric: str) -> str:
    quality = f", {percent(p.quality[metric], 3)}" if metric in p.quality else ""
    return f"{SIDES[p.side]}, {p.name}: {si(p.energies[place], 'J')}{quality}"


def _traffic(i: Intensity) -> str:
    rate = f"{significant(i.operations / i.bytes)} operations a byte"
    return f"{SIDES[i.side]}, {i.layer}: {rate}, {si(i.energy_j / i.operations, 'J')} each"


def _linear(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    room = max(0.15 * (high - low), 0.01)
    return Axis(max(0.0, low - room), min(1.0, high + room), BOTTOM, TOP)


def frame(x: Axis, y: Axis, across: Label, up: Label) -> list[str]:
    """Grid lines of both axes with their labels."""
    marks = vertical_grid(x, TOP, BOTTOM, across)
    for tick in y.ticks():
        marks.append(line(x.start, y(tick), x.end, y(tick), "grid"))
        marks.append(text(x.start - 8, y(tick) + 4, up(tick), "tick", "end"))
    return marks


def _legend(points: Sequence[OperatingPoint]) -> list[str]:
    sides = [side for side, _ in groupby(points, key=lambda p: p.side)]
    return legend([(f"fill-{s}", SIDES[s]) for s in sides], 90.0, 14.0)
