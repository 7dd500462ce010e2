"""The tables of docs/snntorch.md: what the frontend makes of every combination."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from tests.conformance.snntorch_table.combinations import Combination, combinations
from tests.conformance.snntorch_table.networks import networks
from tests.conformance.snntorch_table.verdicts import Verdict, verdict


def tables() -> dict[str, str]:
    """Markdown by the name of the marks that it stands between."""
    neurons = {c: verdict(c) for c in combinations()}
    others = {c: verdict(c) for c in networks()}
    return {
        "counts": _counts(neurons.values()),
        "neurons": "\n".join(_section(kind, group) for kind, group in _by_kind(neurons)),
        "layers": _layers(others),
    }


def _by_kind(
    cells: dict[Combination, Verdict],
) -> Iterable[tuple[str, list[tuple[Combination, Verdict]]]]:
    for kind, group in groupby(cells.items(), key=lambda item: item[0].kind):
        yield kind, list(group)


def _counts(verdicts: Iterable[Verdict]) -> str:
    verdicts = list(verdicts)
    exact = sum(v.exact for v in verdicts)
    lossy = sum(not v.exact and v.export is not None for v in verdicts)
    refused = len(verdicts) - exact
    return (
        f"{len(verdicts)} combinations: {exact} exact, {refused} refused, {lossy} of these with "
        "a lossy form.\n"
    )


def _section(kind: str, cells: list[tuple[Combination, Verdict]]) -> str:
    """One row for all options of a reset that come out the same."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for combination, found in cells:
        rows.setdefault((combination.reset, *_said(found)), []).append(combination.option)
    lines = [f"### {kind}", "", "| reset | options | in NIR | with `allow_lossy` |"]
    lines.append("| --- | --- | --- | --- |")
    for (reset, said, lossy), options in rows.items():
        lines.append(f"| {reset} | {'; '.join(options)} | {said} | {lossy} |")
    return "\n".join(lines) + "\n"


def _layers(cells: dict[Combination, Verdict]) -> str:
    lines = ["| layer | option | in NIR |", "| --- | --- | --- |"]
    for combination, found in cells.items():
        lines.append(f"| {combination.kind} | {combination.option} | {_said(found)[0]} |")
    return "\n".join(lines) + "\n"


def _said(found: Verdict) -> tuple[str, str]:
    if found.exact:
        return ", ".join(found.nodes), ""
    problems = "; ".join(f"`{d.rule}`: {d.detail}; {d.hint}" for d in found.problems)
    lossy = "; ".join(found.losses) if found.export else "refused"
    return f"refused: {problems}".replace("|", "\\|"), lossy
