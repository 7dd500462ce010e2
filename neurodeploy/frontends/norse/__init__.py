"""Norse modules to NIR: exact, or refused with every reason at once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn

from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer
from neurodeploy.frontends.norse.kinds import KINDS
from neurodeploy.frontends.norse.neuron_layers import NorseLayers
from neurodeploy.frontends.tracer import export as tracer_export
from neurodeploy.frontends.tracer import replay as tracer_replay
from neurodeploy.frontends.tracer.arrays import to_float64
from neurodeploy.frontends.tracer.export import Export
from neurodeploy.frontends.tracer.readout import Choice
from neurodeploy.frontends.tracer.recording import TimeAxis
from neurodeploy.frontends.tracer.replay import Inputs
from neurodeploy.frontends.tracer.signature import Shapes

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
    """The NIR graph that does at each step of `dt` seconds what the Norse `module` does.

    `dt` must be the one that its layers compute with. Arguments and errors:
    `tracer.export.export`.
    """
    try:
        export = tracer_export.export(
            module,
            input_shape,
            NorseLayers(dt),
            dt=dt,
            allow_lossy=allow_lossy,
            time_axis=time_axis,
            output=output,
        )
    except ConfigError as error:
        if all(d.rule == "forward" for d in error.diagnostics):
            _refuse_unsupported(module, error)
        raise
    resets: Any = export.manifest["reset"]
    own = {
        "source_hash": source_hash(module),
        "reset": {name: _reset(export, name, word) for name, word in resets.items()},
    }
    return replace(export, manifest={**export.manifest, **own})


def _refuse_unsupported(module: nn.Module, cause: ConfigError) -> None:
    """Names the layers without a form: they may be why forward() takes no such input."""
    neurons = NorseLayers()
    found = []
    for path, layer in module.named_modules():
        if neurons.owns(layer) and not neurons.supports(layer):
            kind = type(layer).__name__
            detail = f"{kind} has no exact form in NIR"
            found.append(Diagnostic(path or kind, "layer", detail, neurons.hint(layer)))
    if found:
        raise UnsupportedLayer(found) from cause


def _reset(export: Export, name: str, word: str) -> str:
    away = np.any(getattr(export.graph.nodes[name], "v_reset", 0.0))
    return "to v_reset" if word == "zero" and away else word


def replay(
    module: nn.Module,
    inputs: Inputs,
    *,
    time_axis: TimeAxis = "auto",
    output: Choice = None,
    membranes: bool = False,
) -> dict[str, Array]:
    """Every layer's spikes in float64: `tracer.replay.replay` of a Norse module."""
    return tracer_replay.replay(
        module, inputs, NorseLayers(), time_axis=time_axis, output=output, membranes=membranes
    )


def source_hash(module: nn.Module) -> str:
    """`tracer.export.source_hash` and what no state_dict holds: dt, parameters, plain weights."""
    digest = hashlib.sha256(tracer_export.source_hash(module).encode())
    for path, layer in module.named_modules():
        kind = KINDS.get(type(layer))
        if kind is None:
            continue
        digest.update(f"{path} {layer.dt}".encode())
        tensors = [(n, getattr(layer.p, n)) for n in kind.parameters]
        for name, tensor in [*tensors, *((n, getattr(layer, n)) for n in kind.weights)]:
            digest.update(name.encode())
            digest.update(to_float64(tensor).tobytes())
    return digest.hexdigest()
