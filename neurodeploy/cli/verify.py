"""`neurodeploy verify`: one input through torch, NIR, the integers and Lava, layer by layer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._options import INPUT, REPAIR
from neurodeploy.cli._show import say, say_notes, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.agreement.rows import LayerRow
    from neurodeploy.ir.program import Program

COLUMNS = (
    *("stages", "layer", "spikes", "differ", "first difference"),
    *("membrane max", "rms", "verdict"),
)


def command(
    file: Path = typer.Argument(..., help="a .nir, .ndp or .net file"),
    inputs: Path = typer.Option(..., "--input", help=INPUT),
    against: str = typer.Option("", metavar="FILE.py:FACTORY", help="the torch network"),
    weights: Path | None = typer.Option(None, help="its .safetensors weights"),
    program: Path | None = typer.Option(None, help="its compiled .ndp, instead of compiling it"),
    calibrate: Path | None = typer.Option(None, help="calibration data; the input if left out"),
    hw: str = typer.Option("loihi2", help="chip to compile for, or none for float stages alone"),
    backends: str = typer.Option("", help="where the integers also run, such as lava"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    steps: int | None = typer.Option(None, help="steps to run: a part of the input"),
    layers: str = typer.Option("", help="only these layers, comma-separated"),
    output: Path | None = typer.Option(None, "-o", "--output", help="results .json to write"),
    report: Path | None = typer.Option(None, help="report .html to write, with .md and .json"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Compare each stage with the one before; exit code 1 if two that must be equal are not.

    torch = NIR = real ~ fixed = lava: = promises equality, ~ measures what rounding does.
    """
    from neurodeploy.agreement import examine
    from neurodeploy.agreement.rows import layer_rows
    from neurodeploy.bench.provenance import provenance
    from neurodeploy.bench.verification import verification_results, write_verification
    from neurodeploy.cli._factory import load_module
    from neurodeploy.ir.files import read_inputs
    from neurodeploy.pipeline import load
    from neurodeploy.report import write_report
    from neurodeploy.whole_files import require_suffix

    if output:
        require_suffix(output, ".json", "a results file")
    if report:
        require_suffix(report, ".html", "a report")
    loaded = load(file, dt, repair=repair)
    say_notes(loaded)
    data = read_inputs(inputs, loaded)
    scales = data if calibrate is None else read_inputs(calibrate, loaded)
    module = load_module(against, weights) if against else None
    found = examine(
        file,
        data,
        dt=dt,
        module=module,
        compiled=_compiled(loaded, program, hw, scales),
        backends=_backends(file, backends),
        steps=steps,
        layers=_words(layers),
        repair=repair,
    )
    rows = layer_rows(found.differences)
    if as_json:
        show_json([{**asdict(d), "agrees": d.agrees} for d in found.differences])
    else:
        title = f"{found.name}: {found.steps} steps, {found.batch} sample(s)"
        show_table(title, COLUMNS, [row(r) for r in rows])
        typer.echo("=  promises equality    ~  measures what rounding to integers does")
    for warning in found.warnings:
        say(f"warning: {warning}")
    if output or report:
        results = verification_results(found, provenance(f"neurodeploy verify {file.name}"))
        if output:
            say(f"wrote {write_verification(results, output)}")
        if report:
            say(f"wrote {write_report(results, report)[0]}")
    _stop_if_wrong(rows)


def _compiled(loaded: Program, program: Path | None, hw: str, calibration: Any) -> Program | None:
    """The integers to hold the graph against; None for a file that holds integers itself."""
    from neurodeploy.errors import NeurodeployError
    from neurodeploy.ir.files import read_program
    from neurodeploy.pipeline import compile

    if program is not None:
        return read_program(program)
    if loaded.arithmetic == "fixed" or hw == "none":
        return None
    try:
        return compile(loaded, hw, calibration=calibration).program
    except NeurodeployError:
        say(f"note: no integers for {hw}; --hw none compares the stages before them")
        raise


def _backends(file: Path, text: str) -> tuple[str, ...]:
    """The reference is what every other backend is held against, so that it needs no mention."""
    if not text and file.suffix != ".nir":
        return ("lava",)
    return tuple(name for name in _words(text) if name != "reference")


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(w.strip() for w in text.split(",") if w.strip()))


def row(r: LayerRow) -> tuple[Any, ...]:
    """One layer between two stages as cells of COLUMNS."""
    from neurodeploy.agreement.rows import place

    s, v = r.spikes, r.membrane
    return (
        r.stages,
        r.layer,
        None if s is None else s.compared,
        None if s is None else s.differing,
        place(r.first),
        None if v is None else v.largest,
        None if v is None else v.rms,
        r.verdict,
    )


def _stop_if_wrong(rows: tuple[LayerRow, ...]) -> None:
    """A line per quantity that had to be equal and is not, and exit code 1."""
    from neurodeploy.agreement.rows import place

    for r in rows:
        for d in r.found:
            if not d.agrees:
                count = f"{d.differing:,} of {d.compared:,} {d.quantity} differ"
                say(f"error: layer {d.layer} [{r.stages}]: {count}, first at {place(d)}")
    if not all(r.agrees for r in rows):
        raise typer.Exit(1)
