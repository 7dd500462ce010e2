"""snnTorch modules to NIR: exact, or refused with every reason at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import snntorch
from torch import nn

from neurodeploy.errors import UnsupportedLayer
from neurodeploy.frontends.snntorch.cells.recurrent import immediate_reset
from neurodeploy.frontends.snntorch.neuron_layers import SNNTORCH
from neurodeploy.frontends.tracer import export as tracer_export
from neurodeploy.frontends.tracer import replay as tracer_replay
from neurodeploy.frontends.tracer.export import Export, source_hash
from neurodeploy.frontends.tracer.recording import TimeAxis

__all__ = ["Export", "replay", "source_hash", "to_nir"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def to_nir(
    module: nn.Module,
    input_shape: Sequence[int],
    *,
    dt: float,
    allow_lossy: bool = False,
    time_axis: TimeAxis = "auto",
    output: int | None = None,
) -> Export:
    """The NIR graph that does at each step of `dt` seconds what the snnTorch `module` does.

    Arguments and errors: `tracer.export.export`. docs/snntorch.md lists every neuron option.
    """
    _check_runnable(module)
    return tracer_export.export(
        module,
        input_shape,
        SNNTORCH,
        dt=dt,
        allow_lossy=allow_lossy,
        time_axis=time_axis,
        output=output,
    )


def replay(
    module: nn.Module,
    inputs: Array,
    *,
    time_axis: TimeAxis = "auto",
    output: int | None = None,
) -> dict[str, Array]:
    """Every layer's spikes in float64: `tracer.replay.replay` of a snnTorch module."""
    _check_runnable(module)
    return tracer_replay.replay(module, inputs, SNNTORCH, time_axis=time_axis, output=output)


def _check_runnable(module: object) -> None:
    """UnsupportedLayer for layers that snnTorch itself can't run, so that nothing can be traced."""
    named = module.named_modules() if isinstance(module, nn.Module) else ()
    broken = [
        immediate_reset(path or type(layer).__name__.lower())
        for path, layer in named
        if isinstance(layer, snntorch.RSynaptic) and not layer.reset_delay
    ]
    if broken:
        raise UnsupportedLayer(broken)
