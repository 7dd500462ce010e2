"""`neurodeploy diff`: what differs between two graphs, or between two compiled Programs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._options import REPAIR
from neurodeploy.cli._show import show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.ir.graph_diff import NetworkDiff


def command(
    left: Path = typer.Argument(..., help="a .nir, .ndp or .net file"),
    right: Path = typer.Argument(..., help="another one"),
    tolerance: float = typer.Option(
        0.0, help="largest |a - b| / max(|a|, |b|) of parameters that count as equal"
    ),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Compare two networks; exit code 1 if they differ."""
    from neurodeploy.agreement import diff

    found = diff(left, right, tolerance=tolerance, repair=repair)
    if as_json:
        show_json({"equal": found.equal, **asdict(found)})
    else:
        _show(left, right, found)
    raise typer.Exit(0 if found.equal else 1)


def _show(left: Path, right: Path, found: NetworkDiff) -> None:
    verdict = "equal" if found.equal else _count(found)
    typer.echo(f"{left} | {right}: {verdict} (nodes matched by {found.matched_by})")
    rows = list(_rows(found))
    if rows:
        show_table("Differences", ("what", "where", "left", "right"), rows)
    if found.parameters:
        columns = ("node", "parameter", "differing", "first", "left", "right", "max abs", "max rel")
        show_table("Parameters", columns, [_parameter(p) for p in found.parameters])
    if found.renamed:
        show_table("Names", ("left", "right"), found.renamed)
    for remark in found.remarks:
        typer.echo(f"note: {remark}")


def _count(found: NetworkDiff) -> str:
    kinds = {
        "node": len(found.removed) + len(found.added) + len(found.retyped),
        "edge": len(found.removed_edges) + len(found.added_edges),
        "parameter": len(found.parameters),
        "fact": len(found.facts),
    }
    words = [f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in kinds.items() if n]
    return f"{', '.join(words)} differ{'s' if sum(kinds.values()) == 1 else ''}"


def _rows(found: NetworkDiff) -> list[tuple[str, str, str, str]]:
    rows = [(key, "", left, right) for key, left, right in found.facts]
    rows += [("node", name, kind, "") for name, kind in found.removed]
    rows += [("node", name, "", kind) for name, kind in found.added]
    rows += [("type", name, left, right) for name, left, right in found.retyped]
    rows += [("edge", f"{a} -> {b}", "yes", "") for a, b in found.removed_edges]
    rows += [("edge", f"{a} -> {b}", "", "yes") for a, b in found.added_edges]
    return rows


def _parameter(p: Any) -> tuple[Any, ...]:
    first = ", ".join(map(str, p.first))
    share = f"{p.differing:,} of {p.size:,}"
    return (p.node, p.parameter, share, first, p.left, p.right, p.max_abs, p.max_rel)
