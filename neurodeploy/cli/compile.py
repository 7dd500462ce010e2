"""`neurodeploy compile`: a .nir graph to a fixed-point Program for a chip; a .net file as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurodeploy.cli._options import INPUT, REPAIR
from neurodeploy.cli._show import say, say_notes, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.ir.program import Program


def command(
    file: Path = typer.Argument(..., help="a .nir file, or integers already: .net"),
    output: Path = typer.Option(..., "-o", "--output", help="the .ndp file to write"),
    calibrate: Path | None = typer.Option(
        None, help=f"input like the network's own, for a .nir: {INPUT}"
    ),
    hw: str = typer.Option("loihi2", help="chip: a name or a .toml file"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    bits: int = typer.Option(8, help="weight bits, 1 to 8"),
    input_bits: int = typer.Option(8, help="width of graded input messages"),
    margin: float = typer.Option(1.5, help="head-room of the states over the calibration data"),
    netx: Path | None = typer.Option(None, help="also write lava-dl's .net file"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Compile a graph to the chip's integers and show what rounding did to each layer.

    A file of integers, lava-dl's .net, is written as it is and needs no calibration.
    """
    from dataclasses import asdict

    from neurodeploy.ir.files import read_inputs, write_program
    from neurodeploy.passes.quantize import Options
    from neurodeploy.pipeline import compile, load, write_netx
    from neurodeploy.whole_files import require_another, require_suffix

    require_another(require_suffix(output, ".ndp", "a Program's file"), (file,))
    if netx:
        require_another(require_suffix(netx, ".net", "a netx file"), (file,))
    real = load(file, dt, repair=repair)
    if calibrate is None:
        _convert(real, output, netx)
        return
    options = Options(bits, input_bits, margin, "netx" if netx else "chip")
    data = read_inputs(calibrate, real)
    compiled = compile(real, hw, calibration=data, options=options)
    if netx:
        write_netx(netx, compiled.program)
    write_program(output, compiled.program)
    if as_json:
        show_json([asdict(layer) for layer in compiled.layers])
    else:
        show_table(
            f"Rounding to {hw}",
            ("layer", "scale", "weight error %", "decay error", "threshold error %", "headroom"),
            [
                (
                    x.name,
                    x.scale,
                    100 * max(x.weight_error.values(), default=0.0),
                    x.decay_error,
                    100 * x.threshold_error,
                    x.headroom,
                )
                for x in compiled.layers
            ],
        )
    say_notes(compiled.program)
    say(f"wrote {output}" + (f" and {netx}" if netx else ""))


def _convert(program: Program, output: Path, netx: Path | None) -> None:
    """Writes a Program that is fixed already; ConfigError for one that has to be calibrated."""
    from neurodeploy.errors import ConfigError, Diagnostic
    from neurodeploy.ir.files import write_program
    from neurodeploy.pipeline import write_netx

    if program.arithmetic != "fixed":
        detail = "is missing: the ranges of a real network set its integers"
        raise ConfigError(Diagnostic("--calibrate", "missing", detail, "give input like its own"))
    if netx:
        write_netx(netx, program)
    write_program(output, program)
    say_notes(program)
    say(f"wrote {output}" + (f" and {netx}" if netx else "") + ": integers already, as they were")
