"""`neurodeploy compare`: a spiking network against its artificial counterpart on all hardware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._energy import chips_of, show_comparison
from neurodeploy.cli._options import INPUT, REPAIR
from neurodeploy.cli._show import say, say_notes, show_json

if TYPE_CHECKING:
    from neurodeploy.bench.comparison import Own, Question
    from neurodeploy.bench.results import Quality

AUTO = "auto"


def command(
    file: Path = typer.Argument(..., help="a .nir or .ndp file"),
    ann: str = typer.Option(
        AUTO, metavar="auto|FILE.py:FACTORY", help="derived: the same layers with rectifiers"
    ),
    inputs: Path = typer.Option(..., "--input", "--data", help=INPUT),
    output: Path = typer.Option(..., "-o", "--output", help="the results .json to write"),
    weights: Path | None = typer.Option(None, help="the artificial network's .safetensors"),
    ann_input: Path | None = typer.Option(None, help="its own input, (B, ...) or (T, B, ...)"),
    labels: Path | None = typer.Option(None, help="classes (B,), or 0 and 1 of each step (T, B)"),
    decide: str = typer.Option("sum", help="class from outputs over time: sum, max or last"),
    quality: list[str] = typer.Option(
        [], metavar="snn|ann:METRIC=SHARE", help="a known score, such as ann:accuracy=0.97"
    ),
    hw: str = typer.Option("all", help="hardware, comma-separated, or all"),
    passes: str = typer.Option(
        "stream", help="stream or sequence: a pass a step, by T calls or one; still: one pass"
    ),
    points: int = typer.Option(4, min=0, help="numbers of steps to sweep energy over; 0: none"),
    measured: list[str] = typer.Option(
        [], metavar="SIDE@HW=FILE.csv:INFERENCES", help="power rails to show beside the estimates"
    ),
    ratio: list[str] = typer.Option(
        [], metavar="HW[:PRECISION]/HW[:PRECISION]", help="spiking there against artificial here"
    ),
    force: bool = typer.Option(False, help="give ratios of unlike things, and say so"),
    latency: float | None = typer.Option(None, help="of the whole chain in s, for the PDP proxy"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Count and price both networks; `report` makes a page of the results."""
    from neurodeploy.bench.comparison import Question, run_comparison
    from neurodeploy.bench.measured import parse_measurement
    from neurodeploy.bench.provenance import provenance
    from neurodeploy.bench.records import to_json
    from neurodeploy.bench.results import write_results
    from neurodeploy.ir.files import read_inputs
    from neurodeploy.pipeline import load
    from neurodeploy.whole_files import require_suffix

    chips = chips_of(hw)
    require_suffix(output, ".json", "a results file")
    question = Question(
        passes=passes,
        labels=None if labels is None else _one_array(labels),
        decision=decide,
        quality=_known_scores(quality),
        points=points,
        measured=tuple(map(parse_measurement, measured)),
        ratios=tuple(ratio),
        force=force,
        latency_s=latency,
    )
    program = load(file, dt, repair=repair)
    say_notes(program)
    data = read_inputs(inputs, program)
    results = run_comparison(
        program,
        data,
        chips,
        provenance=provenance(f"neurodeploy compare {file.name} --ann {ann}"),
        own=None if ann == AUTO else _own(ann, weights, ann_input, data, question),
        question=question,
        title=file.stem,
    )
    write_results(results, output)
    if as_json:
        show_json(to_json(results))
        return
    show_comparison(results)
    say(f"wrote {output}")


def _own(
    reference: str, weights: Path | None, ann_input: Path | None, data: Any, question: Question
) -> Own:
    import numpy as np

    from neurodeploy.bench.own_ann import run_own_ann
    from neurodeploy.cli._factory import load_module
    from neurodeploy.errors import ConfigError, Diagnostic

    x = data if ann_input is None else _one_array(ann_input)
    if not isinstance(x, np.ndarray):
        detail = "the spiking network's input is no single array"
        raise ConfigError(Diagnostic(reference, "input", detail, "give it with --ann-input"))
    module = load_module(reference, weights)
    return run_own_ann(module, x, name=reference, passes=question.passes)


def _one_array(path: Path) -> Any:
    """The only array of a .npy or .npz, or its key `labels` or `input`."""
    from neurodeploy.errors import DataError, Diagnostic
    from neurodeploy.ir.array_files import read_arrays

    arrays = read_arrays(path)
    for key in ("labels", "input"):
        if len(arrays) > 1 and key in arrays:
            return arrays[key]
    if len(arrays) != 1:
        raise DataError(Diagnostic(path.name, "arrays", f"holds {', '.join(arrays)}: give one"))
    return next(iter(arrays.values()))


def _known_scores(texts: list[str]) -> tuple[Quality, ...]:
    """`ann:accuracy=0.97`, several of a side put together."""
    from neurodeploy.bench.results import Quality
    from neurodeploy.errors import ConfigError, Diagnostic

    sides: dict[str, dict[str, float]] = {}
    for text in texts:
        side, _, rest = text.partition(":")
        metric, _, value = rest.partition("=")
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if side not in ("snn", "ann") or not metric or not 0 <= share <= 1:
            detail = f"{text!r} is not like ann:accuracy=0.97 (a share from 0 to 1)"
            raise ConfigError(Diagnostic("--quality", "form", detail))
        sides.setdefault(side, {})[metric] = share
    groups = {"snn": "spiking", "ann": "artificial"}
    return tuple(
        Quality(f"{groups[s]} network", groups[s], m, "given, not computed", s)
        for s, m in sides.items()
    )
