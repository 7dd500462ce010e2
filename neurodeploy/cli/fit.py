"""`neurodeploy fit`: whether a network fits a chip, on which cores, and else why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._options import INPUT, REPAIR
from neurodeploy.cli._placement import show_verdict
from neurodeploy.cli._show import say, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.bench.placement import CoreUse, LimitUse, PlacementResults

MOST_CORES = 24  # that get a line of their own


def command(
    file: Path = typer.Argument(..., help="a .nir, .ndp or .net file"),
    hw: str = typer.Option("loihi2", help="chip or system: a name or a .toml file"),
    bits: int | None = typer.Option(None, help="weight bits, for a .nir; the chip's widest"),
    inputs: Path | None = typer.Option(
        None, "--input", help=f"run it, to measure messages and the load of cores: {INPUT}"
    ),
    trace: Path | None = typer.Option(
        None, help="measure them in this trace.npz of a `run` of the same file instead"
    ),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    output: Path | None = typer.Option(None, "-o", "--output", help="results .json, for `report`"),
    svg: Path | None = typer.Option(None, help="also draw the chip's cores into this .svg file"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Place a network on a chip's cores; nothing is quantized. Exit code 1 if it does not fit."""
    from neurodeploy.bench.placement import placement_results, write_placement
    from neurodeploy.bench.provenance import provenance
    from neurodeploy.bench.records import to_json
    from neurodeploy.errors import ConfigError, Diagnostic
    from neurodeploy.hardware import load_hardware
    from neurodeploy.ir.files import read_inputs
    from neurodeploy.pipeline import fit, load
    from neurodeploy.whole_files import require_suffix

    if output:
        require_suffix(output, ".json", "a results file")
    if svg:
        require_suffix(svg, ".svg", "a picture")
    chip = load_hardware(hw)
    program = load(file, dt, repair=repair)
    if inputs and trace:
        detail = "messages are measured in one run"
        raise ConfigError(Diagnostic("--trace", "--input", detail, "give one of the two"))
    data = None if inputs is None else read_inputs(inputs, program)
    found = fit(program, chip, weight_bits=bits, inputs=data, trace=trace)
    results = placement_results(found, chip, provenance(f"neurodeploy fit {file.name} --hw {hw}"))
    if as_json:
        show_json(to_json(results))
    else:
        _show(results)
    if svg and results.cores:
        _draw(results, svg)
    if output:
        say(f"wrote {write_placement(results, output)}")
    if not results.fits:
        raise typer.Exit(1)


def _draw(results: PlacementResults, path: Path) -> None:
    from neurodeploy.report.mesh import mesh_picture
    from neurodeploy.whole_files import write_text

    write_text(path, mesh_picture(results).svg)
    say(f"wrote {path}")


def _show(r: PlacementResults) -> None:
    show_verdict(r)
    if r.limits:
        head = ("limit", "of one core", "most used", "mean", "cores it alone asks for", "")
        show_table("Limits", head, [_limit_row(limit) for limit in r.limits])
    if r.cores:
        shown = r.cores[:MOST_CORES]
        title = "Cores" if len(shown) == len(r.cores) else f"The first {MOST_CORES} cores"
        columns = ("chip, row, column", "holds", "neurons", "nearest limit", "used / max")
        more = ("synops/step", "time/step") if r.measured else ()
        show_table(title, (*columns, *more), [_core_row(r, core) for core in shown])
    for line in r.lines:
        typer.echo(line)


def _limit_row(limit: LimitUse) -> tuple[Any, ...]:
    share = None if limit.mean is None else f"{100 * limit.mean:.0f} %"
    evidence = "" if limit.evidence != "assumed" else "assumed"
    return (limit.name, limit.value, limit.peak, share, limit.cores, evidence)


def _core_row(r: PlacementResults, core: CoreUse) -> tuple[Any, ...]:
    name, used, most = core.nearest(r.limits)
    time = None if core.time_s is None else f"{core.time_s * 1e6:.2f} µs"
    return (
        f"{core.chip}, {core.row}, {core.column}",
        ", ".join(core.holds),
        core.used["neurons_per_core"],
        name,
        f"{used:,} / {most:,}",
        *((core.synaptic_operations, time) if r.measured else ()),
    )
