"""`neurodeploy verify`: one input through torch, NIR, the integers and Lava, layer by layer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from neurodeploy.cli._show import say, show_json, show_table

COLUMNS = ("stages", "layer", "quantity", "compared", "differing", "first", "largest", "verdict")


def command(
    file: Path = typer.Argument(..., help="a .nir file"),
    inputs: Path = typer.Option(..., "--input", help="(T, B, ...) in .npy or .npz"),
    against: str = typer.Option("", metavar="FILE.py:FACTORY", help="the torch network"),
    weights: Path | None = typer.Option(None, help="its .safetensors weights"),
    backends: str = typer.Option("", help="where the integers also run, such as lava"),
    hw: str = typer.Option("loihi2", help="chip to compile for"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Compare the stages; exit code 1 if two that must be equal are not."""
    from neurodeploy.agreement import verify
    from neurodeploy.cli._factory import load_module
    from neurodeploy.ir.files import read_input
    from neurodeploy.pipeline import compile

    data = read_input(inputs)
    module = load_module(against, weights) if against else None
    compiled = compile(file, hw, calibration=data, dt=dt)
    names = tuple(b for b in backends.split(",") if b and b != "reference")
    found = verify(file, data, dt=dt, module=module, compiled=compiled.program, backends=names)
    if as_json:
        show_json([asdict(d) for d in found])
    else:
        show_table("Agreement", COLUMNS, [row(d) for d in found])
    wrong = [d for d in found if not d.agrees]
    for d in wrong:
        say(f"error: {d.layer} [{d.left} = {d.right}]: {d.differing} of {d.compared} differ")
    raise typer.Exit(1 if wrong else 0)


def row(d: Any) -> tuple[Any, ...]:
    """One `Difference` as cells of COLUMNS."""
    place = "" if d.first_step < 0 else f"step {d.first_step}, neuron {d.first_neuron}"
    verdict = "equal" if not d.differing else "DIFFERS" if d.exact else "rounding"
    stages = f"{d.left} = {d.right}" if d.exact else f"{d.left} ~ {d.right}"
    return (stages, d.layer, d.quantity, d.compared, d.differing, place, d.largest, verdict)
