"""Energy and quality after fewer steps: what a longer look at the input buys, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from neurodeploy.bench.energy_models import ENERGY_MODELS, Work, ann_work
from neurodeploy.bench.energy_records import Ann, OperatingPoint
from neurodeploy.bench.spiking_work import spiking_work
from neurodeploy.hardware import Hardware
from neurodeploy.ir.trace import Trace

Array = np.ndarray[Any, np.dtype[Any]]
Score = Callable[[Array], dict[str, float]]


def step_counts(steps: int, points: int) -> tuple[int, ...]:
    """At most `points` numbers of steps up to all of them, evenly spaced."""
    return tuple(sorted({max(1, round(steps * (i + 1) / points)) for i in range(points)}))


def operating_point(
    trace: Trace, hardware: Sequence[Hardware], score: Score | None
) -> OperatingPoint:
    """The spiking network after the steps of this run."""
    steps = trace.input_steps
    work = spiking_work(trace.program, trace.counts)
    quality = {} if score is None else score(trace.output)
    return OperatingPoint("snn", f"{steps} steps", steps, energies([work], hardware), quality)


def ann_point(
    ann: Ann, hardware: Sequence[Hardware], quality: dict[str, float], zero_skipping: bool = False
) -> OperatingPoint:
    """The artificial network, which has one point alone."""
    work = ann_work(ann.counts, ann.passes)
    side = "ann-zero-skipping" if zero_skipping else "ann"
    found = energies([work], hardware, side)
    return OperatingPoint(side, ann.name, ann.passes, found, quality)


def energies(
    works: Iterable[Work], hardware: Sequence[Hardware], side: str = "snn"
) -> dict[str, float]:
    """Joules by place for every estimate of the side."""
    return {
        e.place: e.energy_j
        for work in works
        for chip in hardware
        for model in ENERGY_MODELS.values()
        for e in model(work, chip)
        if e.energy_j is not None and e.side == side
    }
