"""What a frontend does, by the one that reads the module: that of its neurons' framework."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neurodeploy.errors import BackendUnavailable, Diagnostic, UnsupportedLayer

if TYPE_CHECKING:
    from neurodeploy.frontends.tracer.export import Export
    from neurodeploy.frontends.tracer.readout import Choice
    from neurodeploy.frontends.tracer.recording import TimeAxis
    from neurodeploy.frontends.tracer.signature import Shapes

Array = np.ndarray[Any, np.dtype[Any]]

FRAMEWORKS: Final = ("snntorch", "norse")
# they only call other modules, of whatever framework
_CONTAINERS: Final = ("norse.torch.module.lift", "norse.torch.module.sequential")


def to_nir(
    module: Any,
    input_shape: Shapes,
    *,
    dt: float,
    allow_lossy: bool = False,
    time_axis: TimeAxis = "auto",
    output: Choice = None,
) -> Export:
    """snnTorch or Norse module to a NIR graph and its manifest: `frontends.tracer.export.export`.

    Raises what that raises, and UnsupportedLayer for a module with neurons of both.
    """
    export: Export = _frontend(module).to_nir(
        module, input_shape, dt=dt, allow_lossy=allow_lossy, time_axis=time_axis, output=output
    )
    return export


def replay(
    module: Any,
    inputs: Array | Mapping[str, Array],
    *,
    output: Choice = None,
    membranes: bool = False,
) -> dict[str, Array]:
    """Every layer's spikes of a snnTorch or Norse module in float64: `frontends.tracer.replay`."""
    return _frontend(module).replay(module, inputs, output=output, membranes=membranes)


def source_hash(module: Any) -> str:
    """What a manifest has as `source_hash` of this module's export."""
    return str(_frontend(module).source_hash(module))


def _frontend(module: Any) -> Any:
    name = frontend_of(module)
    try:
        return importlib.import_module(f"neurodeploy.frontends.{name}")
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            Diagnostic("export", "package", f"{error.name} is not installed", "see doctor")
        ) from error


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
