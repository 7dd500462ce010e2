"""Where a compiled Program lives, and in which words `compile` and `fit` say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from neurodeploy.bench.placement import PlacementResults
    from neurodeploy.ir.program import Program

META = "placement"  # where a Program's meta holds the verdict


@dataclass(frozen=True)
class Place:
    """What `compile` keeps of a fit; cores, chips and limiting are None where nothing is placed."""

    fits: bool
    verdict: str
    reasons: tuple[str, ...]
    remedies: tuple[str, ...]
    cores: int | None
    chips: int | None
    limiting: str | None


def placed(program: Program, hw: str) -> tuple[Program, Place]:
    """The Program, with a word on its placement in its meta, and that placement."""
    from neurodeploy.bench.placement import verdict
    from neurodeploy.hardware import load_hardware
    from neurodeploy.pipeline import fit

    chip = load_hardware(hw)
    found = fit(program, chip)
    mapping = found.mapping
    place = Place(
        found.fits,
        verdict(found, chip),
        tuple(map(str, found.reasons)),
        found.remedies,
        None if mapping is None else len(mapping.cores),
        None if mapping is None else mapping.chips,
        None if mapping is None else mapping.limiting,
    )
    return replace(program, meta={**program.meta, META: place.verdict}), place


def show_verdict(found: Place | PlacementResults) -> None:
    """Whether it fits, why not, and what would."""
    typer.echo(found.verdict)
    for reason in found.reasons:
        typer.echo(f"because {reason}")
    for remedy in found.remedies:
        typer.echo(f"would fit {remedy}")
