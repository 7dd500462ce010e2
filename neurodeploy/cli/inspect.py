"""`neurodeploy inspect`: what a .nir, .ndp or .net file holds, as tables and as a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurodeploy.cli._options import REPAIR
from neurodeploy.cli._show import say, show_json, show_table

if TYPE_CHECKING:
    from neurodeploy.errors import Diagnostic
    from neurodeploy.ir.description import GraphDescription
    from neurodeploy.ir.program import Program


@dataclass(frozen=True)
class Found:
    """A file's content. problems keep it from running, warnings do not; notes say what was filled
    in or mended on the way.

    graph is None for a Program's file; program is None for a graph that has no dt or breaks a rule.
    """

    graph: GraphDescription | None
    program: Program | None
    problems: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()


def command(
    file: Path = typer.Argument(..., help="a .nir, .ndp or .net file"),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    svg: Path | None = typer.Option(None, help="also draw the network into this .svg file"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
    text: bool = typer.Option(False, "--text", help="print the Program's text form"),
) -> None:
    """Show nodes, parameters, time constants, populations and synapses, and what looks wrong.

    Exit code 1 for a graph that breaks a rule of NIR.
    """
    from neurodeploy.ir.printer import print_program
    from neurodeploy.pipeline import load
    from neurodeploy.whole_files import require_suffix

    if svg is not None:
        require_suffix(svg, ".svg", "a picture")
    if text:
        typer.echo(print_program(load(file, dt, repair=repair)), nl=False)
        return
    is_graph = file.suffix == ".nir"
    found = _read_graph(file, dt, repair) if is_graph else Found(None, load(file, dt))
    if svg is not None:
        _draw(found, svg)
    if as_json:
        show_json(_as_json(found))
    else:
        _show(file, found)
    for problem in found.problems:
        say(f"error: {problem}")
    if found.problems:
        raise typer.Exit(1)


def _read_graph(file: Path, dt: float | None, repair: bool) -> Found:
    from neurodeploy import pipeline
    from neurodeploy.errors import NeurodeployError
    from neurodeploy.ir.description import describe
    from neurodeploy.ir.graph_warnings import common_dt, graph_warnings
    from neurodeploy.primitives import PRIMITIVES

    read = pipeline.read_graph(file, repair=repair)
    graph, manifest = read.graph, read.manifest
    if dt is not None or "dt" in manifest:
        dt = pipeline.agreed_dt(file, manifest, dt)
    described, problems = describe(graph, PRIMITIVES, dt=dt, name=file.stem)
    program = None
    if dt is not None and not problems:
        word = manifest.get("discretisation")
        try:
            program = pipeline.load(graph, dt, None if word is None else str(word))
        except NeurodeployError as error:
            problems = error.diagnostics
    reported = {problem.rule for problem in problems}
    warnings = (w for w in graph_warnings(graph, described) if w.rule not in reported)
    likely = common_dt(described) if dt is None else None
    hint = () if likely is None else (f"dt {likely:.4g} s would give every neuron gain 1",)
    return Found(described, program, problems, tuple(warnings), (*read.notes, *hint))


def _draw(found: Found, path: Path) -> None:
    from neurodeploy.report.network_pictures import graph_diagram, program_diagram
    from neurodeploy.report.picture import draw
    from neurodeploy.whole_files import write_text

    if found.graph is not None:
        diagram = graph_diagram(found.graph)
    else:
        assert found.program is not None
        diagram = program_diagram(found.program)
    write_text(path, draw(diagram))
    say(f"wrote {path}")


def _as_json(found: Found) -> dict[str, Any]:
    from neurodeploy.cli._graph_tables import describe_program

    whole: dict[str, Any] = {} if found.program is None else describe_program(found.program)
    if found.graph is not None:
        whole |= {"dt": found.graph.dt, "graph": asdict(found.graph)}
    whole["problems"] = [asdict(d) for d in found.problems]
    whole["notes"] = [*whole.get("notes", ()), *found.notes]
    whole["warnings"] = [asdict(d) for d in found.warnings]
    return whole


def _show(file: Path, found: Found) -> None:
    from neurodeploy.cli._graph_tables import NODE_COLUMNS, node_rows

    if found.graph is not None:
        rows = list(node_rows(found.graph))
        weights = sum(row[4] or 0 for row in rows)
        dt = (
            "no dt: times in seconds only" if found.graph.dt is None else f"dt {found.graph.dt:g} s"
        )
        edges = f"{len(found.graph.edges)} edges"
        typer.echo(f"{file}: NIR graph, {len(rows)} nodes, {edges}, {weights:,} weights, {dt}")
        show_table("Nodes", NODE_COLUMNS, rows)
    if found.program is not None:
        _show_program(file, found.program)
    for line in (*found.notes, *found.warnings):
        typer.echo(f"note: {line}")


def _show_program(file: Path, program: Program) -> None:
    from neurodeploy.cli._graph_tables import (
        POPULATION_COLUMNS,
        SYNAPSE_COLUMNS,
        describe_program,
    )

    description = describe_program(program)
    outputs = ", ".join(program.outputs)
    typer.echo(f"{file}: Program, {program.arithmetic}, dt {program.dt:g} s, outputs {outputs}")
    neurons = [tuple(n.values()) for n in description["neurons"]]
    show_table("Populations", POPULATION_COLUMNS, neurons)
    show_table("Synapses", SYNAPSE_COLUMNS, [tuple(s.values()) for s in description["synapses"]])
    for note in program.notes:
        typer.echo(f"note: {note}")
