"""`neurodeploy bench`: counts and energy of a run beside the artificial twin, to a results file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from neurodeploy.cli._factory import load_module
from neurodeploy.cli._options import INPUT, REPAIR
from neurodeploy.cli._show import say, say_notes, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.bench.op_counts import OpCounts
    from neurodeploy.ir.inputs import Inputs
    from neurodeploy.ir.program import Program


def command(
    file: Path = typer.Argument(..., help="a .nir or .ndp file"),
    inputs: Path = typer.Option(..., "--input", help=INPUT),
    output: Path = typer.Option(..., "-o", "--output", help="the results .json to write"),
    against: str = typer.Option("", metavar="FILE.py:FACTORY", help="snnTorch network: its twin"),
    weights: Path | None = typer.Option(None, help="its .safetensors weights"),
    hw: str = typer.Option("all", help="hardware, comma-separated, or all"),
    passes: str = typer.Option(
        "stream", help="artificial passes per inference: stream (one a step) or still (one)"
    ),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Run, count and price a network; `report` makes a page of the results."""
    from neurodeploy.bench.compare import compare
    from neurodeploy.bench.provenance import provenance
    from neurodeploy.bench.raster import sample_raster
    from neurodeploy.bench.records import to_json
    from neurodeploy.bench.results import write_results
    from neurodeploy.errors import ConfigError, Diagnostic
    from neurodeploy.hardware import list_hardware, load_hardware
    from neurodeploy.ir.files import read_inputs
    from neurodeploy.pipeline import load, run
    from neurodeploy.whole_files import require_suffix

    if passes not in ("stream", "still"):
        detail = f"{passes!r} is neither stream nor still"
        raise ConfigError(Diagnostic("--passes", "choice", detail))
    given = dict.fromkeys(name.strip() for name in hw.split(",") if name.strip())
    names = list_hardware(systems=False) if hw == "all" else tuple(given)
    if not names:
        raise ConfigError(Diagnostic("--hw", "choice", "names no hardware"))
    chips = [load_hardware(name) for name in names]
    require_suffix(output, ".json", "a results file")
    program = load(file, dt, repair=repair)
    say_notes(program)
    data = read_inputs(inputs, program)
    trace = run(program, data, probe="all")
    steps = trace.input_steps if passes == "stream" else 1
    ann = _twin(against, weights, program, data, steps)
    results = compare(
        trace.program,
        trace.counts,
        chips,
        provenance=provenance(f"neurodeploy bench {file.name}"),
        ann=ann,
        ann_passes=None if ann is None else steps,
        raster=[
            sample_raster(n.name, trace.aligned(f"{n.name}/s"))
            for n in trace.program.neurons
            if not trace.program.is_graded(n.name)
        ],
        title=file.stem,
    )
    write_results(results, output)
    if as_json:
        show_json(to_json(results))
        return
    show_energy(results)
    say(f"wrote {output}")


def _twin(
    against: str, weights: Path | None, program: Program, data: Inputs, steps: int
) -> OpCounts | None:
    """Counts of the artificial twin, None without a network to derive it from."""
    if not against:
        return None
    from neurodeploy.bench.ann_twin import count_twin
    from neurodeploy.errors import ConfigError, Diagnostic
    from neurodeploy.ir.inputs import batched

    if not isinstance(data, np.ndarray):
        detail = f"{against} takes one input, the network has {len(program.inputs)}"
        raise ConfigError(Diagnostic("--against", "inputs", detail))
    module = load_module(against, weights)
    return count_twin(module, batched(data, program.inputs[0].shape), steps)


def show_energy(results: Any) -> None:
    """The energy estimates of a results value as a table."""
    show_table(
        "Energy per inference (estimates)",
        ("side", "hardware", "precision", "joules", "low", "high", "evidence", "not priced"),
        [
            (
                e.side,
                e.hardware,
                e.precision,
                *("unpriced" if j is None else f"{j:.2g}" for j in (e.energy_j, e.low_j, e.high_j)),
                e.evidence,
                "; ".join(e.missing),
            )
            for e in results.energy
        ],
    )
