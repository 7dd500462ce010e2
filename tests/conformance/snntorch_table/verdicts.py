"""What the frontend makes of a combination: an exact graph, or why not and what is lost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import nir

from neurodeploy.errors import Diagnostic, UnsupportedLayer
from neurodeploy.frontends.snntorch import to_nir
from neurodeploy.frontends.tracer.export import Export
from tests.conformance.snntorch_table.combinations import Combination

DT: Final = 1e-3


@dataclass(frozen=True)
class Verdict:
    """Exact if there are no `problems`. `export` is the exact or else the lossy one, if any."""

    problems: tuple[Diagnostic, ...]
    export: Export | None

    @property
    def exact(self) -> bool:
        return not self.problems

    @property
    def losses(self) -> tuple[str, ...]:
        """What the lossy export loses, without the layer's name."""
        lossy: Any = self.export.manifest["lossy"] if self.export else ()
        return tuple(loss.partition(": ")[2] for loss in lossy)

    @property
    def nodes(self) -> tuple[str, ...]:
        """NIR types in order of flow; * marks those whose output arrives one step later."""
        if self.export is None:
            return ()
        recurrent: Any = self.export.manifest["recurrent"]
        late = {source for source, _ in recurrent}
        return tuple(
            type(node).__name__ + "*" * (name in late)
            for name, node in self.export.graph.nodes.items()
            if not isinstance(node, nir.Input | nir.Output)
        )


@cache
def verdict(combination: Combination) -> Verdict:
    """Asks for an exact export, then for a lossy one."""
    module = combination.build()
    asked: Any = {"dt": DT, "output": combination.output}
    try:
        return Verdict((), to_nir(module, combination.shape, **asked))
    except UnsupportedLayer as error:
        problems = error.diagnostics
    try:
        return Verdict(problems, to_nir(module, combination.shape, **asked, allow_lossy=True))
    except UnsupportedLayer:
        return Verdict(problems, None)
