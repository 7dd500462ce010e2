"""Rewrites what README.md restates: the example's output and the detection table."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(
    r"<!-- example -->\n```python\n(.*?)```\n<!-- /example -->\n\n```text\n(.*?)```", re.S
)
TABLE = re.compile(r"(<!-- detection -->\n).*?(<!-- /detection -->)", re.S)


def example_output(text: str) -> str:
    """What the README's example prints."""
    found = BLOCK.search(text)
    assert found is not None
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(found[1], "README.md", "exec"), {})
    return out.getvalue()


def detection_table() -> str:
    """The committed scores as a Markdown table."""
    rows = json.loads((ROOT / "exports" / "vad_detection.json").read_text())["rows"]
    lines = ["| detector | AUC | accuracy | frames |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {name} | {row['auc']:.3f} | {row['accuracy']:.3f} | {row['frames']:,} |"
        for name, row in rows.items()
    ]
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """README text with the table as committed."""
    return TABLE.sub(lambda m: m[1] + detection_table() + m[2], text)


def renew() -> None:
    text = with_table(README.read_text(encoding="utf-8"))
    found = BLOCK.search(text)
    assert found is not None
    output = example_output(text)
    README.write_text(text[: found.start(2)] + output + text[found.end(2) :], encoding="utf-8")


if __name__ == "__main__":
    renew()
