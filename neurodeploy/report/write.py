"""Writes a report: HTML, Markdown, the results as JSON; of a comparison CSV, LaTeX and a card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurodeploy.bench.audio_records import (
    AUDIO_SCHEMA,
    AudioSystems,
    read_audio_systems,
    write_audio_systems,
)
from neurodeploy.bench.placement import (
    PLACEMENT_SCHEMA,
    PlacementResults,
    read_placement,
    write_placement,
)
from neurodeploy.bench.results import Results, read_results, write_results
from neurodeploy.bench.results_files import read_json
from neurodeploy.bench.verification import (
    VERIFICATION_SCHEMA,
    VerificationResults,
    read_verification,
    write_verification,
)
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.report.audio_sections import build_audio
from neurodeploy.report.card import render_card
from neurodeploy.report.csv_table import render_csv
from neurodeploy.report.document import Document
from neurodeploy.report.html import render_html
from neurodeploy.report.latex import render_latex
from neurodeploy.report.markdown import render_markdown
from neurodeploy.report.placement_sections import build_placement
from neurodeploy.report.sections import build_document
from neurodeploy.report.several import build_joint
from neurodeploy.report.verification_sections import build_verification
from neurodeploy.whole_files import require_suffix, write_text

AnyResults = Results | VerificationResults | PlacementResults | AudioSystems


def write_report(results: AnyResults | str | Path, path: str | Path) -> tuple[Path, ...]:
    """Writes `path` (.html) and beside it .md and .json; returns the paths of all.

    Of a comparison also .csv (long form), .tex (booktabs) and .card.md (a model card's block).
    results: a value, or the path of a results file, of a bench, a verification, a fit or of
    audio systems. Raises DataError for a damaged results file and ConfigError for a path that does
    not end in .html.
    """
    target = Path(path)
    if target.suffix != ".html":
        detail = f"{target.name!r} does not end in .html"
        hint = "the other formats are written beside it"
        raise ConfigError(Diagnostic("report", "output-name", detail, hint))
    if isinstance(results, str | Path):
        results = _read(Path(results))
    document = _document(results)
    html = render_html(document)
    return (
        write_text(target, html),
        write_text(target.with_suffix(".md"), render_markdown(document)),
        _write(results, target.with_suffix(".json")),
        *(write_text(target.with_suffix(end), text) for end, text in _further(results)),
    )


def write_joint_report(paths: Sequence[str | Path], path: str | Path) -> tuple[Path, ...]:
    """Several comparisons on one page: `path` (.html), beside it .md and .csv.

    Raises DataError for a file that is no comparison's, ConfigError for another suffix.
    """
    target = Path(path)
    require_suffix(target, ".html", "a report")
    found = [read_results(p) for p in paths]
    document = build_joint(found)
    texts = [render_csv(results) for results in found]
    rows = [text if not number else text.partition("\n")[2] for number, text in enumerate(texts)]
    return (
        write_text(target, render_html(document)),
        write_text(target.with_suffix(".md"), render_markdown(document)),
        write_text(target.with_suffix(".csv"), "".join(rows)),
    )


def _further(results: AnyResults) -> tuple[tuple[str, str], ...]:
    """Suffix and text of what only a comparison has."""
    if not isinstance(results, Results):
        return ()
    return (
        (".csv", render_csv(results)),
        (".tex", render_latex(results)),
        (".card.md", render_card(results)),
    )


def _document(results: AnyResults) -> Document:
    if isinstance(results, Results):
        return build_document(results)
    if isinstance(results, PlacementResults):
        return build_placement(results)
    if isinstance(results, AudioSystems):
        return build_audio(results)
    return build_verification(results)


def _write(results: AnyResults, path: Path) -> Path:
    if isinstance(results, Results):
        return write_results(results, path)
    if isinstance(results, PlacementResults):
        return write_placement(results, path)
    if isinstance(results, AudioSystems):
        return write_audio_systems(results, path)
    return write_verification(results, path)


def _read(path: Path) -> AnyResults:
    """A results file of any schema."""
    data = read_json(path)
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema == VERIFICATION_SCHEMA:
        return read_verification(path)
    if schema == PLACEMENT_SCHEMA:
        return read_placement(path)
    if schema == AUDIO_SCHEMA:
        return read_audio_systems(path)
    return read_results(path)
