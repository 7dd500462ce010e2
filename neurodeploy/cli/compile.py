"""`neurodeploy compile`: a .nir graph to a fixed-point Program for a chip; a .net file as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from neurodeploy.cli._options import INPUT, REPAIR
from neurodeploy.cli._placement import placed, show_verdict
from neurodeploy.cli._show import say, say_notes, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.ir.program import Program
    from neurodeploy.passes.quantize import LayerReport


def command(
    file: Path = typer.Argument(..., help="a .nir file, or integers already: .net"),
    output: Path = typer.Option(..., "-o", "--output", help="the .ndp file to write"),
    calibrate: Path | None = typer.Option(
        None, help=f"input like the network's own, for a .nir: {INPUT}"
    ),
    hw: str = typer.Option("loihi2", help="chip: a name or a .toml file"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    bits: str = typer.Option(
        "8", help="weight bits, 1 to 8; by population or synapse, as in lif1=4,lif2=8; or auto"
    ),
    tolerance: float = typer.Option(
        0.01, help="disagreement of the outputs with the real network that --bits auto may leave"
    ),
    objective: str = typer.Option(
        "spikes", help="what the scales are chosen by: spikes or membrane"
    ),
    rounding: str = typer.Option(
        "nearest",
        help="of weights; calibrated: so that their errors cancel on the calibration data",
    ),
    signs: str = typer.Option(
        "mixed", help="split: a synapse of both signs becomes two of one, each with all its bits"
    ),
    input_bits: int = typer.Option(8, help="width of graded input messages"),
    margin: float = typer.Option(1.5, help="head-room of the states over the calibration data"),
    split_inputs: bool = typer.Option(
        False, "--split-inputs", help="sum more inputs than a core has axons in parts"
    ),
    netx: Path | None = typer.Option(None, help="also write lava-dl's .net file"),
    no_place: bool = typer.Option(False, "--no-place", help="do not ask whether it fits the chip"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Compile a graph to the chip's integers and show what rounding did to each layer.

    A file of integers, lava-dl's .net, is written as it is and needs no calibration. Then the
    Program is placed on the chip's cores: exit code 1 if it does not fit, with the file written.
    """
    from neurodeploy.ir.files import read_inputs
    from neurodeploy.passes.quantize import Options
    from neurodeploy.pipeline import compile, load
    from neurodeploy.whole_files import require_another, require_suffix

    require_another(require_suffix(output, ".ndp", "a Program's file"), (file,))
    if netx:
        require_another(require_suffix(netx, ".net", "a netx file"), (file,))
    real = load(file, dt, repair=repair)
    if calibrate is None:
        _require_fixed(real)
        _write(real, (), output, netx, hw, place=not no_place, as_json=as_json)
        return
    options = Options(
        weight_bits=_weight_bits(bits),
        input_bits=input_bits,
        margin=margin,
        form="netx" if netx else "chip",
        signs=signs,  # type: ignore[arg-type]  # Options checks the words
        objective=objective,  # type: ignore[arg-type]  # likewise
        tolerance=tolerance,
        rounding=rounding,  # type: ignore[arg-type]  # likewise
    )
    data = read_inputs(calibrate, real)
    compiled = compile(real, hw, calibration=data, options=options, inputs_in_parts=split_inputs)
    _write(compiled.program, compiled.layers, output, netx, hw, place=not no_place, as_json=as_json)


def _write(
    program: Program,
    layers: tuple[LayerReport, ...],
    output: Path,
    netx: Path | None,
    hw: str,
    *,
    place: bool,
    as_json: bool,
) -> None:
    """Writes the files and says what rounding did and where the Program lives; exits with 1 if it
    does not fit."""
    from dataclasses import asdict

    from neurodeploy.ir.files import write_program
    from neurodeploy.pipeline import write_netx

    program, at = placed(program, hw) if place else (program, None)
    if netx:
        write_netx(netx, program)
    write_program(output, program)
    if as_json:
        found = {"layers": [asdict(layer) for layer in layers]}
        show_json(found if at is None else found | {"placement": asdict(at)})
    elif layers:
        _show_layers(hw, layers)
    if at and not as_json:
        show_verdict(at)
    say_notes(program)
    as_before = "" if layers else ": integers already, as they were"
    say(f"wrote {output}" + (f" and {netx}" if netx else "") + as_before)
    if at and not at.fits:
        say(f"it runs on every simulator, but not on {hw}")
        raise typer.Exit(1)


def _weight_bits(text: str) -> int | Literal["auto"] | dict[str, int]:
    """8, auto or NAME=BITS,...; ConfigError for anything else."""
    from neurodeploy.errors import ConfigError, Diagnostic

    if text == "auto":
        return "auto"
    try:
        if "=" not in text:
            return int(text)
        pairs = [item.rsplit("=", 1) for item in text.split(",")]
        found = {name.strip(): int(bits) for name, bits in pairs}
    except ValueError:
        detail = f"{text!r} is no number, auto, or NAME=BITS with commas between"
        raise ConfigError(Diagnostic("--bits", "form", detail)) from None
    if len(found) < len(pairs):
        raise ConfigError(Diagnostic("--bits", "form", f"{text!r} gives a name twice"))
    return found


def _show_layers(hw: str, layers: tuple[LayerReport, ...]) -> None:
    columns = ("bits", "weight error %", "cut", "decay error", "threshold error %", "headroom")
    alone = ("alone %", "in network %", "overflows")
    how = ", calibrated" if any(x.rounding == "calibrated" for x in layers) else ""
    show_table(
        f"Rounding to {hw}{how}; disagreement with the real network on the calibration data",
        ("layer", *columns, *alone),
        [
            (
                x.name,
                " ".join(sorted({str(b) for b in x.weight_bits.values()})),
                100 * max(x.weight_error.values(), default=0.0),
                x.cut_weights,
                x.decay_error,
                100 * x.threshold_error,
                x.headroom,
                *(None if share is None else 100 * share for share in (x.predicted, x.measured)),
                x.saturations,
            )
            for x in layers
        ],
    )


def _require_fixed(program: Program) -> None:
    """ConfigError for a Program that has to be calibrated."""
    from neurodeploy.errors import ConfigError, Diagnostic

    if program.arithmetic != "fixed":
        detail = "is missing: the ranges of a real network set its integers"
        raise ConfigError(Diagnostic("--calibrate", "missing", detail, "give input like its own"))
