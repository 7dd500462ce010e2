"""Which frontend reads a module: the one of the framework that its neurons come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from neurodeploy.errors import Diagnostic, UnsupportedLayer

FRAMEWORKS: Final = ("snntorch", "norse")
# they only call other modules, of whatever framework
_CONTAINERS: Final = ("norse.torch.module.lift", "norse.torch.module.sequential")


def frontend_of(module: Any) -> str:
    """Name of the package in `frontends` for `module`; snntorch for one without neurons.

    Raises UnsupportedLayer for a module with neurons of several frameworks.
    """
    found: dict[str, str] = {}
    for framework, path, name in _neurons(module):
        found.setdefault(framework, f"{name} of {framework} at {path or 'the top'}")
    if len(found) > 1:
        detail = f"has {' and '.join(found.values())}"
        hint = "use neurons of one framework, or export each part alone"
        where = type(module).__name__
        raise UnsupportedLayer(Diagnostic(where, "mixed-frameworks", detail, hint))
    return next(iter(found), FRAMEWORKS[0])


def _neurons(module: Any) -> Iterator[tuple[str, str, str]]:
    """(framework, path, class) of every layer that a framework defines."""
    walk = getattr(module, "named_modules", None)
    for path, layer in walk() if callable(walk) else ():
        homes = [c.__module__ for c in type(layer).__mro__]
        for framework in FRAMEWORKS:
            own = [home for home in homes if home.split(".")[0] == framework]
            if own and own[0] not in _CONTAINERS:
                yield framework, path, type(layer).__name__
