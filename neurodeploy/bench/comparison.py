"""A whole comparison: runs the spiking network, counts the artificial one, joins them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from neurodeploy.bench.compare import Beside, compare
from neurodeploy.bench.energy_records import Ann, Measurement, OperatingPoint
from neurodeploy.bench.raster import sample_raster
from neurodeploy.bench.results import Provenance, Quality, Raster, Results
from neurodeploy.bench.scores import scores
from neurodeploy.bench.sweep import Score, ann_point, operating_point, step_counts
from neurodeploy.bench.twin import TWIN, count_program_twin
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.hardware import Hardware
from neurodeploy.ir.inputs import Inputs
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace
from neurodeploy.passes.place import Fit, message_rates
from neurodeploy.passes.place import fit as fit_program
from neurodeploy.pipeline import run

Array = np.ndarray[Any, np.dtype[Any]]
SNN_NAME: Final = "spiking network"
PASSES: Final = ("stream", "sequence", "still")
"""A pass a step, by as many calls or by one; or one pass for an input that stays the same."""


@dataclass(frozen=True)
class Own:
    """An artificial network of the user's own: its counts, and its output `(T, B, *shape)`."""

    ann: Ann
    output: Array | None = None


@dataclass(frozen=True)
class Question:
    """What is asked of a comparison besides the networks.

    passes: of the artificial network per inference, one of PASSES; labels: see `scores`; quality:
    scores that are known already; points: numbers of steps to sweep over.
    """

    passes: str = "stream"
    labels: Array | None = None
    decision: str = "sum"
    quality: tuple[Quality, ...] = ()
    points: int = 0
    measured: tuple[Measurement, ...] = ()
    ratios: tuple[str, ...] = ()
    force: bool = False
    latency_s: float | None = None
    notes: tuple[str, ...] = field(default=())


def run_comparison(
    program: Program,
    inputs: Inputs,
    hardware: Sequence[Hardware],
    *,
    provenance: Provenance,
    own: Own | None = None,
    twin: bool = True,
    question: Question | None = None,
    title: str = "",
) -> Results:
    """The spiking network on `inputs`, against `own` or its derived twin, on every hardware.

    Raises what running and `compare` raise, and ConfigError for an unknown choice of passes.
    """
    question = question or Question()
    trace = run(program, inputs, backend=_backend(program), probe="all")
    ann = own.ann if own is not None else _twin(program, inputs, trace, question) if twin else None
    score = _scorer(question)
    quality = (*question.quality, *_qualities(trace, own, score))
    fits = _fits(trace, inputs, hardware)
    beside = Beside(
        quality=quality,
        raster=_rasters(trace),
        measured=question.measured,
        points=_points(trace, inputs, hardware, ann, quality, question),
        fits=fits,
        notes=question.notes,
        latency_s=question.latency_s,
    )
    return compare(
        trace.program,
        trace.counts,
        hardware,
        provenance=provenance,
        ann=ann,
        beside=beside,
        ratios=question.ratios,
        force=question.force,
        title=title,
    )


def passes_of(choice: str, steps: int) -> int:
    """Passes of the artificial network per inference of so many steps."""
    if choice not in PASSES:
        detail = f"{choice!r} is none of {', '.join(PASSES)}"
        raise ConfigError(Diagnostic("--passes", "choice", detail))
    return 1 if choice == "still" else steps


def _backend(program: Program) -> str:
    return "cpu" if program.arithmetic == "fixed" else "reference"


def _twin(program: Program, inputs: Inputs, trace: Trace, question: Question) -> Ann:
    passes = passes_of(question.passes, trace.input_steps)
    return Ann(TWIN, True, passes, count_program_twin(program, inputs, passes))


def _scorer(question: Question) -> Score | None:
    labels, decision = question.labels, question.decision
    if labels is None:
        return None
    return lambda out: scores(labels if labels.ndim == 1 else labels[: len(out)], out, decision)


def _qualities(trace: Trace, own: Own | None, score: Score | None) -> list[Quality]:
    if score is None:
        return []
    note = f"{trace.batch} inferences of this run"
    found = [Quality(SNN_NAME, "spiking", score(trace.output), note, "snn")]
    if own is not None and own.output is not None:
        found.append(Quality(own.ann.name, "artificial", score(own.output), note, "ann"))
    return found


def _fits(trace: Trace, inputs: Inputs, hardware: Sequence[Hardware]) -> Mapping[str, Fit]:
    """The network placed on every chip whose limits are known, at the rates of this run."""
    chips = [chip for chip in hardware if chip.kind == "spiking" and chip.limits]
    if not chips:
        return {}
    rates = message_rates(trace, inputs)
    return {chip.name: fit_program(trace.program, chip, rates=rates) for chip in chips}


def _points(
    trace: Trace,
    inputs: Inputs,
    hardware: Sequence[Hardware],
    ann: Ann | None,
    quality: tuple[Quality, ...],
    question: Question,
) -> tuple[OperatingPoint, ...]:
    """The spiking network after some numbers of steps, and the artificial one."""
    if not question.points:
        return ()
    score = _scorer(question)
    found = []
    for steps in step_counts(trace.input_steps, question.points):
        shorter = run(trace.program, inputs, backend=_backend(trace.program), steps=steps)
        found.append(operating_point(shorter, hardware, score))
    if ann is not None:
        known = next((q.metrics for q in quality if q.side == "ann"), {})
        found.append(ann_point(ann, hardware, known))
        found.append(ann_point(ann, hardware, known, zero_skipping=True))
    return tuple(found)


def _rasters(trace: Trace) -> tuple[Raster, ...]:
    return tuple(
        sample_raster(n.name, trace.aligned(f"{n.name}/s"))
        for n in trace.program.neurons
        if not trace.program.is_graded(n.name)
    )
