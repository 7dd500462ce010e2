"""`neurodeploy export`: a snnTorch or Norse network to standard NIR and its manifest."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import cast

import typer

from neurodeploy.cli._factory import load_module, parse_choice, parse_shapes
from neurodeploy.cli._show import say


class TimeLoop(Enum):
    """What the option takes: `TimeAxis` of the tracer, which would import torch."""

    auto = "auto"
    inside = "inside"
    outside = "outside"


def command(
    factory: str = typer.Argument(..., metavar="FILE.py:FACTORY", help="builds the network"),
    output: Path = typer.Option(..., "-o", "--output", help="the .nir file to write"),
    shape: list[str] = typer.Option(
        ..., help="input per step, such as 784 or 2,34,34; again, or NAME=SIZES, for each input"
    ),
    dt: float = typer.Option(..., help="time step in seconds"),
    weights: Path | None = typer.Option(None, help="a .safetensors state_dict"),
    returned: str = typer.Option(
        "", metavar="0,2|KEY|all", help="what of that which forward() returns is an output"
    ),
    time_axis: TimeLoop = typer.Option(
        TimeLoop.auto, help="whether forward() loops over time itself"
    ),
    allow_lossy: bool = typer.Option(False, help="export what is not exact and list the losses"),
) -> None:
    """Export a snnTorch or Norse network to NIR: the same spikes, or refused with the reason."""
    from neurodeploy.ir.files import manifest_path, write_nir
    from neurodeploy.pipeline import to_nir
    from neurodeploy.whole_files import require_suffix

    require_suffix(output, ".nir", "a graph's file")
    module = load_module(factory, weights)
    export = to_nir(
        module,
        parse_shapes(shape),
        dt=dt,
        allow_lossy=allow_lossy,
        time_axis=time_axis.value,
        output=parse_choice(returned),
    )
    write_nir(output, export.graph, {**export.manifest, "source": factory})
    for loss in cast("list[str]", export.manifest.get("lossy", [])):
        say(f"lossy: {loss}")
    say(f"wrote {output} and {manifest_path(output)}")
