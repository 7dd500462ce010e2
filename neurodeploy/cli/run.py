"""`neurodeploy run`: a network on a backend, its output and probes to a .npz or as NIRData."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from neurodeploy.cli._options import INPUT, REPAIR
from neurodeploy.cli._show import say, say_notes, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.ir.trace import Counts

COLUMNS: Final = (
    *("population", "neurons", "spikes"),
    *("neuron updates", "synaptic operations", "saturated"),
)


def command(
    file: Path = typer.Argument(..., help="a .nir, .ndp or .net file"),
    inputs: Path = typer.Option(..., "--input", help=INPUT),
    output: Path = typer.Option(
        ..., "-o", "--output", help="the .npz to write, or .nir for NIRData"
    ),
    backend: str = typer.Option("reference", help="reference, cpu, lava or loihi2"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    steps: int | None = typer.Option(
        None, help="steps to run: a part of the input, or silence after it"
    ),
    probe: str = typer.Option("", help="all, or populations such as lif1,lif2/v"),
    events: bool = typer.Option(False, "--events", help="spikes as events: index and time (.nir)"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Run a network and count what happens in it."""
    from neurodeploy.ir.files import read_inputs, require_trace_place, write_trace
    from neurodeploy.pipeline import load, run
    from neurodeploy.whole_files import require_another

    require_another(require_trace_place(output, events), (file, inputs))
    program = load(file, dt, repair=repair)
    say_notes(program)
    keys = tuple(p for p in probe.split(",") if p)
    data = read_inputs(inputs, program)
    trace = run(program, data, backend=backend, steps=steps, probe=keys)
    write_trace(output, trace, events=events)
    if as_json:
        show_json(trace.counts.to_dict())
    else:
        title = f"{trace.steps} steps, {trace.batch} sample(s) on {backend}"
        show_table(title, COLUMNS, _rows(trace.counts))
    say(f"wrote {output}")


def _rows(counts: Counts) -> list[tuple[Any, ...]]:
    """One population as cells of COLUMNS."""
    operations: dict[str, int] = {}
    for s in counts.synapses:
        operations[s.target] = operations.get(s.target, 0) + s.synaptic_operations
    return [
        (n.name, n.size, n.spikes, n.neuron_updates, operations.get(n.name, 0), n.saturations)
        for n in counts.neurons
    ]
