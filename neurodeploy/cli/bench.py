"""`neurodeploy bench`: counts and energy of one network, to a results file; a gate for CI."""

from __future__ import annotations

from pathlib import Path

import typer

from neurodeploy.cli._energy import chips_of, show_energy
from neurodeploy.cli._options import INPUT, REPAIR
from neurodeploy.cli._show import say, say_notes, show_json


def command(
    file: Path = typer.Argument(..., help="a .nir or .ndp file"),
    inputs: Path = typer.Option(..., "--input", help=INPUT),
    output: Path = typer.Option(..., "-o", "--output", help="the results .json to write"),
    hw: str = typer.Option("all", help="hardware, comma-separated, or all"),
    baseline: Path | None = typer.Option(None, help="an older results .json to hold against"),
    fail_if: list[str] = typer.Option(
        [], metavar="FIGURE+N%", help="exit 1 if it grew by more: synops+5%, energy:loihi1+10%"
    ),
    dt: float | None = typer.Option(None, help="time step in seconds, if no manifest states it"),
    repair: bool = typer.Option(False, "--repair", help=REPAIR),
    as_json: bool = typer.Option(False, "--json", help="machine-readable"),
) -> None:
    """Run, count and price a network; `compare` puts an artificial one beside it."""
    from neurodeploy.bench.comparison import run_comparison
    from neurodeploy.bench.provenance import provenance
    from neurodeploy.bench.records import to_json
    from neurodeploy.bench.regression import changes, parse_rule, remarks
    from neurodeploy.bench.results import read_results, write_results
    from neurodeploy.errors import ConfigError, Diagnostic
    from neurodeploy.ir.files import read_inputs
    from neurodeploy.pipeline import load
    from neurodeploy.whole_files import require_suffix

    chips = chips_of(hw)
    require_suffix(output, ".json", "a results file")
    rules = [parse_rule(text) for text in fail_if]
    if bool(rules) != (baseline is not None):
        detail = "one without the other says nothing"
        raise ConfigError(Diagnostic("--baseline and --fail-if", "choice", detail))
    old = None if baseline is None else read_results(baseline)
    program = load(file, dt, repair=repair)
    say_notes(program)
    results = run_comparison(
        program,
        read_inputs(inputs, program),
        chips,
        provenance=provenance(f"neurodeploy bench {file.name}"),
        twin=False,
        title=file.stem,
    )
    write_results(results, output)
    if as_json:
        show_json(to_json(results))
    else:
        show_energy(results)
        say(f"wrote {output}")
    for remark in () if old is None else remarks(old, results):
        say(remark)
    found = () if old is None else changes(old, results, rules)
    for change in found:
        say(str(change))
    if not all(change.holds for change in found):
        raise typer.Exit(1)
