"""What commands that price networks share: the chips that were named, and tables of joules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from neurodeploy.cli._show import say, show_table

if TYPE_CHECKING:
    from neurodeploy.bench.results import Results
    from neurodeploy.hardware import Hardware


def chips_of(text: str) -> list[Hardware]:
    """Hardware by name or file, comma-separated, each once; `all` for all but systems."""
    from neurodeploy.errors import ConfigError, Diagnostic
    from neurodeploy.hardware import list_hardware, load_hardware

    given = dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
    names = list_hardware(systems=False) if text == "all" else tuple(given)
    if not names:
        raise ConfigError(Diagnostic("--hw", "choice", "names no hardware"))
    return [load_hardware(name) for name in names]


def show_energy(results: Results) -> None:
    """Every estimate: joules with their band and evidence; what is not in them, in notes."""
    run = results.network
    left_out = list(dict.fromkeys(e.missing for e in results.energy if e.energy_j is not None))
    show_table(
        f"Energy per inference (estimates; {run.batch} inferences of {run.steps} steps)",
        ("side", "hardware", "precision", "joules", "low", "high", "evidence", "without"),
        [
            (
                e.side,
                e.hardware,
                f"{e.precision}, {e.model}",
                *(f"{j or 0:.2g}" for j in (e.energy_j, e.low_j, e.high_j)),
                e.evidence,
                f"[{left_out.index(e.missing) + 1}]",
            )
            for e in results.energy
            if e.energy_j is not None
        ],
    )
    for number, words in enumerate(left_out, 1):
        typer.echo(f"[{number}] without {'; '.join(words)}")
    unpriced = dict.fromkeys(e.hardware for e in results.energy if e.energy_j is None)
    if unpriced:
        typer.echo(f"no prices: {', '.join(unpriced)}")


def show_comparison(results: Results) -> None:
    """Estimates, ratios with their bands, and what was refused."""
    from neurodeploy.report.text import significant

    show_energy(results)
    if results.ratios:
        show_table(
            "Artificial / spiking (above 1 the spiking network costs less)",
            ("hardware", "precision", "against", "ratio", "band", "quality"),
            [
                (
                    r.hardware,
                    f"{r.precision}, {r.model}",
                    f"{r.ann} {r.against}".strip(),
                    significant(r.ratio),
                    f"{significant(r.low)} to {significant(r.high)}",
                    "; ".join((r.quality, *r.forced)),
                )
                for r in results.ratios
            ],
        )
    for reason in results.refused:
        say(f"refused: {reason}")
    for m in results.measured:
        say(
            f"measured: {m.side} on {m.hardware}, {m.energy_j:.3g} J per inference "
            f"({m.file}){''.join(f'; {flag}' for flag in m.flags)}"
        )
