"""Quality of audio systems over their joules per second of audio."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neurodeploy.bench.audio_records import AudioSystem
from neurodeploy.report.chart import RIGHT, WIDTH, legend
from neurodeploy.report.document import Figure
from neurodeploy.report.energy_figures import SIDES
from neurodeploy.report.svg import Axis, dot, line, log_axis, svg, text
from neurodeploy.report.text import price, si
from neurodeploy.report.trade_figures import BOTTOM, TOP, frame

Joules = Callable[[AudioSystem], float | None]


def quality_over_energy(
    systems: Sequence[AudioSystem], metric: str, title: str, joules: Joules, place: str
) -> Figure | None:
    """A numbered dot for each network; a line at the joules of one whose quality is not known.

    None where no network has joules.
    """
    known = [(n, s, j) for n, s in enumerate(systems, 1) if (j := joules(s)) is not None]
    if not known:
        return None
    scores = [s.quality[metric].mean for _, s, _ in known if metric in s.quality]
    x = log_axis([j for _, _, j in known], 90.0, RIGHT)
    room = max(0.2 * (max(scores) - min(scores)), 0.1) if scores else 0.0
    y = Axis(min(scores) - room, max(scores) + room, BOTTOM, TOP) if scores else None
    marks = frame(x, y or Axis(0.0, 1.0, BOTTOM, TOP), _across, lambda v: f"{v:g}" if y else "")
    marks += legend([(f"fill-{s}", SIDES[s]) for s in ("ann", "snn")], 90.0, 14.0)
    level = 0
    for number, system, energy in known:
        said = _said(system, energy, metric, title)
        if y is not None and metric in system.quality:
            at = x(energy), y(system.quality[metric].mean)
            marks.append(dot(*at, 4.5, f"fill-{system.side}", said))
            marks.append(text(at[0] + 8, at[1] + 4, str(number), "value"))
        else:
            marks.append(line(x(energy), TOP, x(energy), BOTTOM, f"course stroke-{system.side}"))
            marks.append(text(x(energy) + 3, TOP + 12 + 14 * (level % 6), str(number), "value"))
            level += 1
    at_y = BOTTOM + 40
    for number, system, energy in known:
        marks.append(text(90.0, at_y, f"{number}   {_said(system, energy, metric, title)}", "key"))
        at_y += 17
    unknown = "" if len(scores) == len(known) else " A line: quality not known."
    caption = f"{title} over energy per second of audio, {place} (estimated, log axis).{unknown}"
    words = "; ".join(_said(s, j, metric, title) for _, s, j in known)
    return Figure(caption, svg(WIDTH, at_y, caption, marks), words)


def _across(joules: float) -> str:
    return price(joules, "J")


def _said(system: AudioSystem, joules: float, metric: str, title: str) -> str:
    quality = "not measured" if system.weights else "not trained"
    if metric in system.quality:
        quality = f"{title} {system.quality[metric].mean:.2f}"
    assumed = ", assumed rate" if system.activity.startswith("assumed") else ""
    return f"{system.name}: {si(joules, 'J')}{assumed}, {quality}"
