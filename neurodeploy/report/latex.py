"""Results as LaTeX: booktabs tables, the methods paragraph and the sources, ready for a paper.

The file compiles alone; its body can be taken over as it stands (needs booktabs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from neurodeploy.bench.energy_records import EnergyRatio
from neurodeploy.bench.results import Results
from neurodeploy.report.document import Sources
from neurodeploy.report.energy_figures import SIDES
from neurodeploy.report.foremost import place
from neurodeploy.report.methods import methods_text
from neurodeploy.report.text import band, per, percent, si, significant

_SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "µ": r"\ensuremath{\mu}",
    "×": r"\ensuremath{\times}",
    "–": "--",
    "→": r"\ensuremath{\to}",
    "²": r"\textsuperscript{2}",
    "“": "``",
    "”": "''",
    '"': "''",
}
_PATTERN: Final = re.compile("|".join(re.escape(c) for c in _SPECIAL))
_HEAD: Final = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{booktabs}
\usepackage[margin=2cm]{geometry}
\begin{document}
"""


def escaped(text: str) -> str:
    """`text` as LaTeX shows it; characters that its fonts lack become a question mark."""
    shown = _PATTERN.sub(lambda match: _SPECIAL[match[0]], " ".join(text.split()))
    return "".join(c if ord(c) < 0x180 else "?" for c in shown)


def render_latex(results: Results) -> str:
    """A whole document: layers, energies, ratios, methods, sources."""
    sources = Sources()
    methods = methods_text(results, sources)
    parts = [_HEAD, _layers(results), _energies(results)]
    if results.ratios:
        parts.append(_ratios(results.ratios))
    parts.append(f"\\section*{{Methods}}\n{escaped(methods)}\n")
    if sources.texts:
        parts += [r"\begin{enumerate}", *(rf"\item {escaped(text)}" for text in sources.texts)]
        parts.append(r"\end{enumerate}")
    return "\n".join([*parts, r"\end{document}", ""])


def _table(caption: str, columns: str, head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [
        r"\begin{table}[htbp]\centering\small",
        rf"\caption{{{escaped(caption)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(map(escaped, head)) + r" \\",
        r"\midrule",
        *(" & ".join(map(escaped, row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _layers(results: Results) -> str:
    batch = results.network.batch
    rows = (
        (
            x.name,
            x.model.replace("_", " "),
            f"{x.size:,}",
            per(x.synaptic_operations, batch),
            per(x.neuron_updates, batch),
            percent(x.input_rate),
        )
        for x in results.layers
    )
    head = ("Layer", "Model", "Neurons", "Synaptic operations", "Updates", "Input rate")
    caption = f"Operations of {results.title} per inference, counted by {results.convention}."
    return _table(caption, "llrrrr", head, rows)


def _energies(results: Results) -> str:
    rows = (
        (place(e), SIDES[e.side], si(e.energy_j, "J"), band(e.low_j, e.high_j, "J"), e.evidence)
        for e in results.energy
        if e.energy_j is not None
    )
    head = ("Hardware", "Network", "Per inference", "Band", "Evidence")
    return _table("Estimated energy per inference.", "llrrl", head, rows)


def _ratios(ratios: Sequence[EnergyRatio]) -> str:
    rows = (
        (
            f"{r.hardware}, {r.precision}",
            SIDES[r.ann] + (f" on {r.against}" if r.against else ""),
            f"{significant(r.ratio)} ({significant(r.low)} to {significant(r.high)})",
            "; ".join((r.quality, *r.forced)),
        )
        for r in ratios
    )
    head = ("Hardware", "Against", "Artificial / spiking", "Quality")
    return _table("Ratios of energies, with their bands.", "llrl", head, rows)
