"""Writes a report: HTML, Markdown and the results themselves as JSON, side by side."""

from __future__ import annotations

from pathlib import Path

from neurodeploy.bench.results import Results, read_results, write_results
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.report.html import render_html
from neurodeploy.report.markdown import render_markdown
from neurodeploy.report.sections import build_document
from neurodeploy.whole_files import write_text


def write_report(results: Results | str | Path, path: str | Path) -> tuple[Path, ...]:
    """Writes `path` (.html) and beside it .md and .json; returns the three paths.

    results: a value, or the path of a results file. Raises DataError for a damaged results file and
    ConfigError for a path that does not end in .html.
    """
    target = Path(path)
    if target.suffix != ".html":
        detail = f"{target.name!r} does not end in .html"
        raise ConfigError(Diagnostic("report", "output-name", detail))
    if not isinstance(results, Results):
        results = read_results(results)
    document = build_document(results)
    html = render_html(document)
    return (
        write_text(target, html),
        write_text(target.with_suffix(".md"), render_markdown(document)),
        write_results(results, target.with_suffix(".json")),
    )
