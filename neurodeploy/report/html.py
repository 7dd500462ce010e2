"""A document as one self-contained HTML page: nothing is loaded; its one script sorts tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from neurodeploy.errors import BackendUnavailable, Diagnostic
from neurodeploy.report.document import Document


class _Counters:
    """Numbers tables and figures in the order in which they appear."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def next(self, kind: str) -> int:
        self._seen[kind] += 1
        return self._seen[kind]


def render_html(document: Document) -> str:
    """The page. All text is escaped; only figures are markup, and svg.py escapes theirs.

    Raises BackendUnavailable if jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        hint = "pip install 'neurodeploy[report]'"
        detail = "jinja2 is not installed"
        raise BackendUnavailable(Diagnostic("report", "jinja2", detail, hint)) from error
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.j2")
    return template.render(document=document, counters=_Counters())
