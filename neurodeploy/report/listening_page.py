"""Versions of a recording on one page: to look at, to listen to, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.report.document import Document, Figure, Section, Table, cells_of
from neurodeploy.report.html import render_html
from neurodeploy.report.spectrogram import player, spectrogram_svg
from neurodeploy.whole_files import require_suffix, write_text


@dataclass(frozen=True)
class Heard:
    """One version of a recording: a WAV file's bytes, and (frames, bins) in dB."""

    name: str
    wav: bytes
    seconds: float
    db: np.ndarray[Any, np.dtype[Any]]
    metrics: Mapping[str, float]


def write_listening_page(
    path: Path,
    title: str,
    kind: str,
    versions: Sequence[Heard],
    facts: Mapping[str, Any],
    *,
    top_hz: float,
    floor_db: float,
) -> Path:
    """One self-contained page of a `kind`; ConfigError for a path that does not end in .html."""
    require_suffix(path, ".html", "the page")
    figures = tuple(
        Figure(
            f"{v.name}, {v.seconds:.1f} s; colours from {floor_db:g} dB to full scale.",
            spectrogram_svg(v.db, v.seconds, top_hz, floor_db, v.name) + player(v.wav, v.name),
            f"Spectrogram and player of {v.name}.",
        )
        for v in versions
    )
    tables = (*_metrics(versions), _facts(facts))
    sections = (
        Section("recordings", "Recordings", figures=figures),
        Section("numbers", "Numbers", tables=tables),
    )
    return write_text(path, render_html(Document(title, kind, (), sections)))


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _metrics(versions: Sequence[Heard]) -> tuple[Table, ...]:
    names = [v.name for v in versions if v.metrics]
    if not names:
        return ()
    keys = dict.fromkeys(key for v in versions for key in v.metrics)
    rows = tuple(
        cells_of(key, *(_shown(v.metrics[key]) for v in versions if v.metrics)) for key in keys
    )
    numeric = (False, *(True for _ in names))
    return (Table("Quality.", ("metric", *names), numeric, rows),)


def _facts(facts: Mapping[str, Any]) -> Table:
    rows = tuple(cells_of(key, _shown(value)) for key, value in facts.items())
    return Table("The run.", ("", ""), (False, True), rows)
