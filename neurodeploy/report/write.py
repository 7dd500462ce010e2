"""Writes a report: HTML, Markdown and the results themselves as JSON, side by side."""

from __future__ import annotations

from pathlib import Path

from neurodeploy.bench.results import Results, read_results, write_results
from neurodeploy.bench.verification import (
    VERIFICATION_SCHEMA,
    VerificationResults,
    read_json,
    read_verification,
    write_verification,
)
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.report.html import render_html
from neurodeploy.report.markdown import render_markdown
from neurodeploy.report.sections import build_document
from neurodeploy.report.verification_sections import build_verification
from neurodeploy.whole_files import write_text


def write_report(
    results: Results | VerificationResults | str | Path, path: str | Path
) -> tuple[Path, ...]:
    """Writes `path` (.html) and beside it .md and .json; returns the three paths.

    results: a value, or the path of a results file, of a bench or of a verification. Raises
    DataError for a damaged results file and ConfigError for a path that does not end in .html.
    """
    target = Path(path)
    if target.suffix != ".html":
        detail = f"{target.name!r} does not end in .html"
        raise ConfigError(Diagnostic("report", "output-name", detail))
    if isinstance(results, str | Path):
        results = _read(Path(results))
    json_path = target.with_suffix(".json")
    if isinstance(results, Results):
        document = build_document(results)
    else:
        document = build_verification(results)
    html = render_html(document)
    return (
        write_text(target, html),
        write_text(target.with_suffix(".md"), render_markdown(document)),
        write_results(results, json_path)
        if isinstance(results, Results)
        else write_verification(results, json_path),
    )


def _read(path: Path) -> Results | VerificationResults:
    """A results file of either schema."""
    data = read_json(path)
    if isinstance(data, dict) and data.get("schema") == VERIFICATION_SCHEMA:
        return read_verification(path)
    return read_results(path)
