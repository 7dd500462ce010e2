"""Renews the report's golden files after an intended change."""

from __future__ import annotations

import sys
from pathlib import Path

from neurodeploy.bench.results import write_results
from neurodeploy.report.markdown import render_markdown
from neurodeploy.report.sections import build_document

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "unit"))

if __name__ == "__main__":
    import bench_sample

    results = bench_sample.results()
    write_results(results, FOLDER / "report_results.json")
    text = render_markdown(build_document(results))
    (FOLDER / "report.md").write_text(text, encoding="utf-8")
