"""What the frontend makes of every class and option of Norse, and the table of that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from neurodeploy.errors import ConfigError, UnsupportedLayer
from neurodeploy.frontends.norse import Export, to_nir
from tests.conformance.norse_table.combination import DT, Combination
from tests.conformance.norse_table.networks import networks
from tests.conformance.norse_table.neurons import neurons
from tests.conformance.norse_table.without_form import without_form

COMBINATIONS = (*neurons(), *networks(), *without_form())


@dataclass(frozen=True)
class Outcome:
    """`export` is None if refused; `lossy` is what allow_lossy gives up then, if it helps."""

    export: Export | None
    said: str
    lossy: str = ""


@cache
def outcome(combination: Combination) -> Outcome:
    """The export at DT, or what was said instead."""
    module = combination.module()
    try:
        export = to_nir(module, combination.shape, dt=DT)
    except UnsupportedLayer as error:
        said = "; ".join(f"`{d.rule}`: {d.detail}; {d.hint}" for d in error.diagnostics)
        try:
            lossy: Any = to_nir(module, combination.shape, dt=DT, allow_lossy=True)
        except UnsupportedLayer:
            return Outcome(None, said)
        losses = [loss.partition(": ")[2] for loss in lossy.manifest["lossy"]]
        return Outcome(None, said, "; ".join(losses))
    except ConfigError as error:
        reason = error.diagnostics[-1].detail.partition(" raised ")[2]
        return Outcome(None, f"Norse itself raises {reason}")
    return Outcome(export, form(export))


def form(export: Export) -> str:
    """The node types in order of flow, then those that go back one step later."""
    manifest: Any = export.manifest
    late = [tuple(edge) for edge in manifest["recurrent"]]
    nodes = export.graph.nodes
    kinds = {name: type(node).__name__ for name, node in nodes.items()}
    shown = [kinds[n] for n in nodes if n not in {"input", "output", *(a for a, _ in late)}]
    back = [f", back through {kinds[a]} to {kinds[b]}" for a, b in late]
    return " → ".join(shown) + "".join(back)


def table() -> str:
    """All outcomes as Markdown."""
    lines = ["| layer | option | in NIR | with `allow_lossy` |", "| --- | --- | --- | --- |"]
    for combination in COMBINATIONS:
        found = outcome(combination)
        said = found.said if found.export else f"refused: {found.said}"
        said = said.replace("|", "\\|")
        lossy = "" if found.export else found.lossy or "refused"
        lines.append(f"| {combination.layer} | {combination.option} | {said} | {lossy} |")
    return "\n".join(lines) + "\n"
