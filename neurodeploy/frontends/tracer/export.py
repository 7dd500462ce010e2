"""Traced modules to NIR: exact, or refused with every reason at once.

The NIR graph means: forward Euler at `dt`, v += dt / tau (v_leak - v + r x); a spike where
v > v_threshold after the update; reset in the same step; an edge that closes a cycle delivers one
step later; CubaLIF updates its current first.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from math import isfinite
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

from neurodeploy import __version__
from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer, VerificationError
from neurodeploy.frontends.tracer import layers
from neurodeploy.frontends.tracer.assembly import Assembled, assemble
from neurodeploy.frontends.tracer.expressions import Expr
from neurodeploy.frontends.tracer.flow import check_flow, reachable, settled_inputs
from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers
from neurodeploy.frontends.tracer.readout import Readout, choose
from neurodeploy.frontends.tracer.recording import Recording, TimeAxis, record


@dataclass(frozen=True)
class Export:
    """`graph` is standard NIR; `manifest` says what NIR has no field for, in values TOML can hold.

    Its keys: dt (seconds), discretisation, producer, source, source_hash, input_shape, reset (per
    neuron node), recurrent (edges that deliver one step later), loop, output, lossy, notes.
    """

    graph: nir.NIRGraph
    manifest: dict[str, object]


def export(
    module: nn.Module,
    input_shape: Sequence[int],
    neurons: NeuronLayers,
    *,
    dt: float,
    allow_lossy: bool = False,
    time_axis: TimeAxis = "auto",
    output: int | None = None,
) -> Export:
    """The NIR graph that does at each step of `dt` seconds what `module` does.

    `input_shape` is one step without batch. `time_axis`: "inside" if forward() takes `(T, B, ...)`
    and loops, "outside" if it takes one step, "auto" to find out. `output` picks one of several
    returned tensors. With `allow_lossy` what NIR can't say is left out and listed in
    manifest["lossy"].

    Raises UnsupportedLayer with all that has no exact form, VerificationError naming weights that
    are NaN or infinite, ConfigError for wrong arguments or an input that forward() refuses.
    """
    shape, dt = _check_arguments(module, input_shape, dt, time_axis)
    _check_weights(module)
    found = analyse(
        module, shape, neurons, allow_lossy=allow_lossy, time_axis=time_axis, output=output
    )
    recording = found.recording
    built = assemble(recording, found.readout.expr, found.inputs, found.used, shape, dt)
    manifest: dict[str, object] = {
        **_origin(module, neurons),
        "dt": dt,
        "discretisation": "forward_euler",
        "input_shape": list(shape),
        "loop": recording.loop,
        "output": found.readout.returned.position,
        "reset": {built.names[n]: str(neurons.reset(recording.modules[n])) for n in built.names},
        "recurrent": [list(edge) for edge in built.recurrent],
        "lossy": list(found.lossy),
        "notes": _notes(recording, found.readout, built),
    }
    return Export(built.graph, manifest)


@dataclass(frozen=True)
class Analysis:
    """A module understood: its run, its output, each neuron's input and the ports that are read."""

    recording: Recording
    readout: Readout
    inputs: Mapping[str, Expr]
    used: Mapping[str, frozenset[str]]
    lossy: tuple[str, ...]


def analyse(
    module: nn.Module,
    shape: tuple[int, ...],
    neurons: NeuronLayers,
    *,
    allow_lossy: bool = False,
    time_axis: TimeAxis = "auto",
    output: int | None = None,
) -> Analysis:
    """What `module` does at each step of `shape`. Raises UnsupportedLayer and ConfigError."""
    recording = record(module, shape, neurons, time_axis)
    lossy = _check_layers(recording, allow_lossy)

    def bias_free(paths: tuple[str, ...]) -> bool:
        return not layers.has_bias([recording.modules[path] for path in paths])

    readout = choose(recording, output, bias_free)
    inputs = settled_inputs(recording, bias_free)
    used = reachable(readout.expr, inputs)
    problems = check_flow(recording, readout.expr, inputs, used)
    if problems:
        raise UnsupportedLayer(problems)
    return Analysis(recording, readout, inputs, used, tuple(lossy))


def _check_arguments(
    module: object, input_shape: Sequence[int], dt: object, time_axis: str
) -> tuple[tuple[int, ...], float]:
    problems = []
    if not isinstance(module, nn.Module):
        detail = f"{type(module).__name__} is not a torch.nn.Module"
        problems.append(Diagnostic("module", "type", detail))
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else ()
    if not shape or not all(isinstance(n, int | np.integer) and n > 0 for n in shape):
        detail = f"{input_shape!r} is not a tuple of positive sizes"
        problems.append(Diagnostic("input_shape", "sizes", detail, "give one step, without batch"))
    seconds = 0.0
    if isinstance(dt, int | float | np.floating) and not isinstance(dt, bool):
        seconds = float(dt)
    if not isfinite(seconds) or seconds <= 0:
        detail = f"{dt!r} s is not a positive finite time"
        problems.append(
            Diagnostic("dt", "positive", detail, "give the length of a step in seconds")
        )
    if time_axis not in ("auto", "inside", "outside"):
        detail = f"{time_axis!r} is not 'auto', 'inside' or 'outside'"
        problems.append(Diagnostic("time_axis", "choice", detail))
    if problems:
        raise ConfigError(problems)
    return tuple(int(n) for n in shape), seconds


def _check_weights(module: nn.Module) -> None:
    problems = []
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            bad = int((~torch.isfinite(tensor)).sum())
            detail = f"{bad} of {tensor.numel()} values are NaN or infinite"
            problems.append(Diagnostic(name, "finite", detail, "retrain, or load other weights"))
    if problems:
        raise VerificationError(problems)


def _check_layers(recording: Recording, allow_lossy: bool) -> list[str]:
    """Raises all that can't be exported; returns what is lost by leave."""
    problems = list(recording.findings)
    lossy = []
    for neuron, found in recording.neuron_problems.items():
        for problem in found:
            if allow_lossy and problem.loss:
                lossy.append(f"{neuron}: {problem.loss}")
            else:
                problems.append(problem.diagnostic)
    if problems:
        raise UnsupportedLayer(problems)
    return lossy


def _notes(recording: Recording, readout: Readout, built: Assembled) -> list[str]:
    notes = [*readout.notes, *built.notes]
    unused = [n for n in recording.neuron_inputs if n not in built.names]
    if unused:
        notes.append(f"the output does not depend on {', '.join(unused)}: not exported")
    if built.mistyped:
        names = ", ".join(built.mistyped)
        notes.append(f"nir 1.0.8 infers wrong shapes for {names}: read with type_check=False")
    return notes


def _origin(module: nn.Module, neurons: NeuronLayers) -> Mapping[str, object]:
    versions = [f"{p} {metadata.version(p)}" for p in (*neurons.packages, "torch", "nir")]
    kind = type(module)
    return {
        "producer": ", ".join([f"neurodeploy {__version__}", *versions]),
        "source": f"{kind.__module__}.{kind.__qualname__}",
        "source_hash": source_hash(module),
    }


def source_hash(module: nn.Module) -> str:
    """sha256 over the class's source, where there is one, and every tensor's name and bytes."""
    digest = hashlib.sha256()
    try:
        digest.update(inspect.getsource(type(module)).encode())
    except (OSError, TypeError):
        digest.update(type(module).__qualname__.encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Any) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).numpy().tobytes())
