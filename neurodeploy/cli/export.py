"""`neurodeploy export`: a snnTorch or Norse network to standard NIR and its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import typer

from neurodeploy.cli._factory import load_module, parse_shape
from neurodeploy.cli._show import say


def command(
    factory: str = typer.Argument(..., metavar="FILE.py:FACTORY", help="builds the network"),
    output: Path = typer.Option(..., "-o", "--output", help="the .nir file to write"),
    shape: str = typer.Option(..., help="input per step, such as 784 or 2,34,34"),
    dt: float = typer.Option(..., help="time step in seconds"),
    weights: Path | None = typer.Option(None, help="a .safetensors state_dict"),
    allow_lossy: bool = typer.Option(False, help="export what is not exact and list the losses"),
) -> None:
    """Export a snnTorch or Norse network to NIR: the same spikes, or refused with the reason."""
    from neurodeploy.ir.files import manifest_path, write_nir
    from neurodeploy.pipeline import to_nir
    from neurodeploy.whole_files import require_suffix

    require_suffix(output, ".nir", "a graph's file")
    module = load_module(factory, weights)
    export = to_nir(module, parse_shape(shape), dt=dt, allow_lossy=allow_lossy)
    write_nir(output, export.graph, {**export.manifest, "source": factory})
    for loss in cast("list[str]", export.manifest.get("lossy", [])):
        say(f"lossy: {loss}")
    say(f"wrote {output} and {manifest_path(output)}")
