"""`neurodeploy repair`: a .nir in today's form, with mended what has one meaning only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from neurodeploy.cli._show import say, show_json


def command(
    file: Path = typer.Argument(..., help="a .nir file of any nir version"),
    output: Path = typer.Option(..., "-o", "--output", help="the .nir file to write"),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Mend a graph and write it, with what was done in its manifest's notes.

    Exit code 1, and no file, if it breaks a rule that has no single remedy.
    """
    from neurodeploy.ir.files import write_nir
    from neurodeploy.ir.graph import view
    from neurodeploy.pipeline import read_graph
    from neurodeploy.primitives import PRIMITIVES
    from neurodeploy.whole_files import require_another, require_suffix

    require_another(require_suffix(output, ".nir", "a graph's file"), (file,))
    found = read_graph(file, repair=True)
    view(found.graph, PRIMITIVES)
    write_nir(output, found.graph, with_notes(found.manifest, found.notes))
    if as_json:
        show_json({"notes": found.notes})
    for note in found.notes:
        say(f"note: {note}")
    say(f"wrote {output}" + ("" if found.notes else ": there was nothing to mend"))


def with_notes(manifest: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    """The manifest with more notes, after those that it has."""
    had = manifest.get("notes", [])
    all_notes = [*(had if isinstance(had, list) else [had]), *notes]
    return {**manifest, "notes": all_notes} if all_notes else dict(manifest)
