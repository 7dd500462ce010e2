"""snnTorch modules to NIR: exact, or refused with every reason at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import snntorch
from torch import nn

from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer
from neurodeploy.frontends.snntorch.cells.recurrent import immediate_reset
from neurodeploy.frontends.snntorch.neuron_layers import SNNTORCH
from neurodeploy.frontends.tracer import export as tracer_export
from neurodeploy.frontends.tracer import replay as tracer_replay
from neurodeploy.frontends.tracer.export import Export, source_hash
from neurodeploy.frontends.tracer.readout import Choice
from neurodeploy.frontends.tracer.recording import TimeAxis
from neurodeploy.frontends.tracer.replay import Inputs
from neurodeploy.frontends.tracer.signature import Shapes
from neurodeploy.frontends.tracer.sites import leaves

__all__ = ["Export", "replay", "source_hash", "to_nir"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def to_nir(
    module: nn.Module,
    input_shape: Shapes,
    *,
    dt: float,
    allow_lossy: bool = False,
    time_axis: TimeAxis = "auto",
    output: Choice = None,
) -> Export:
    """The NIR graph that does at each step of `dt` seconds what the snnTorch `module` does.

    Arguments and errors: `tracer.export.export`. docs/snntorch.md lists every neuron option.
    """
    try:
        return tracer_export.export(
            module,
            input_shape,
            SNNTORCH,
            dt=dt,
            allow_lossy=allow_lossy,
            time_axis=time_axis,
            output=output,
        )
    except ConfigError as error:
        if all(d.rule == "forward" for d in error.diagnostics):
            _refuse_unsupported(module, error)
        raise


def replay(
    module: nn.Module,
    inputs: Inputs,
    *,
    time_axis: TimeAxis = "auto",
    output: Choice = None,
    membranes: bool = False,
) -> dict[str, Array]:
    """Every layer's spikes in float64: `tracer.replay.replay` of a snnTorch module."""
    return tracer_replay.replay(
        module, inputs, SNNTORCH, time_axis=time_axis, output=output, membranes=membranes
    )


def _refuse_unsupported(module: nn.Module, cause: ConfigError) -> None:
    """Names the layers without a form: they may be why forward() takes no such input."""
    found = []
    for path, layer in leaves(module, SNNTORCH):
        kind = type(layer).__name__
        if isinstance(layer, snntorch.RSynaptic) and not layer.reset_delay:
            found.append(immediate_reset(path or kind))
        elif SNNTORCH.owns(layer) and not SNNTORCH.supports(layer):
            detail = f"{kind} has no exact form in NIR"
            found.append(Diagnostic(path or kind, "layer", detail, SNNTORCH.hint(layer)))
    if found:
        raise UnsupportedLayer(found) from cause
