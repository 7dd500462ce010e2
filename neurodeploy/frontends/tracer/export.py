"""Traced modules to NIR: exact, or refused with every reason at once.

The NIR graph means: forward Euler at `dt`, v += dt / tau (v_leak - v + r x); a spike where
v > v_threshold after the update; reset in the same step; an edge that closes a cycle delivers one
step later; CubaLIF updates its current first.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from math import isfinite
from typing import Any

import nir
import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from neurodeploy import __version__
from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer, VerificationError
from neurodeploy.frontends.tracer.assembly import Assembled, assemble
from neurodeploy.frontends.tracer.expressions import Expr
from neurodeploy.frontends.tracer.flow import check_flow, reachable, settled_inputs
from neurodeploy.frontends.tracer.linear_layers import has_bias
from neurodeploy.frontends.tracer.network_copy import unwrapped
from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers
from neurodeploy.frontends.tracer.operations import Table
from neurodeploy.frontends.tracer.readout import Choice, Readout, Readouts, choose, signal
from neurodeploy.frontends.tracer.recording import TimeAxis, record
from neurodeploy.frontends.tracer.rewriting import Rewriter
from neurodeploy.frontends.tracer.runs import Recording
from neurodeploy.frontends.tracer.signature import Shapes, input_ports


@dataclass(frozen=True)
class Export:
    """`graph` is standard NIR; `manifest` says what NIR has no field for, in values TOML can hold.

    Its keys: dt (seconds), discretisation, producer, source, source_hash, inputs (shape per Input),
    outputs (per Output the position or key that forward() returns, and the signal), reset (per
    neuron node), recurrent (edges that deliver one step later), loop, lossy, notes. With one input
    and one output: input_shape and output, the position.
    """

    graph: nir.NIRGraph
    manifest: dict[str, object]


def export(
    module: nn.Module,
    input_shape: Shapes,
    neurons: NeuronLayers,
    *,
    dt: float,
    allow_lossy: bool = False,
    time_axis: TimeAxis = "auto",
    output: Choice = None,
) -> Export:
    """The NIR graph that does at each step of `dt` seconds what `module` does.

    `input_shape` is one step without batch. Several inputs: a sequence of shapes for forward()'s
    first arguments, or a mapping from arguments to shapes; each is an Input named like its
    argument. Other arguments without default are states of neurons, kept by the caller.
    `time_axis`: "inside" if forward() takes `(T, B, ...)` or `(B, T, ...)` and loops, "outside" if
    it takes one step, "auto" to find out. `output`: position or key of the returned tensor, several
    of them, or "all"; each is an Output. By default one: see `readout.choose`. With `allow_lossy`
    what NIR can't say is left out and listed in manifest["lossy"]. What forward() does is watched
    for TRACED_STEPS steps: what it would begin to do later is not seen.

    Raises UnsupportedLayer with all that has no exact form, VerificationError naming weights that
    are NaN or infinite, ConfigError for wrong arguments or an input that forward() refuses.
    """
    dt = _check_arguments(module, input_shape, dt, time_axis)
    module = unwrapped(module)
    _check_weights(module)
    found = analyse(
        module, input_shape, neurons, allow_lossy=allow_lossy, time_axis=time_axis, output=output
    )
    recording = found.recording
    built = assemble(recording, found.readouts.outputs, found.inputs, found.used, dt)
    manifest: dict[str, object] = {
        **_origin(module, neurons),
        "dt": dt,
        "discretisation": "forward_euler",
        **_ports(recording, found.readouts.outputs),
        "loop": recording.loop,
        "reset": {built.names[n]: str(neurons.reset(recording.modules[n])) for n in built.names},
        "recurrent": [list(edge) for edge in built.recurrent],
        "lossy": list(found.lossy),
        "notes": _notes(recording, found.readouts, built),
    }
    return Export(built.graph, manifest)


def _ports(recording: Recording, outputs: tuple[Readout, ...]) -> dict[str, object]:
    """The one input and output, or all by their nodes."""
    found: dict[str, object] = {"input_shape": list(recording.ports[0].shape)}
    if recording.ports[0].node != "input" or len(recording.ports) > 1:
        found = {"inputs": {p.node: list(p.shape) for p in recording.ports}}
    if len(outputs) == 1:
        return {**found, "output": outputs[0].returned.position}
    return {**found, "outputs": {o.node: _returned(o) for o in outputs}}


def _returned(output: Readout) -> dict[str, object]:
    key = {"key": output.returned.name} if output.returned.name else {}
    return {"position": output.returned.position, **key, "signal": signal(output.expr)}


@dataclass(frozen=True)
class Analysis:
    """A module understood: its run, its outputs, each neuron's input and the ports read."""

    recording: Recording
    readouts: Readouts
    inputs: Mapping[str, Expr]
    used: Mapping[str, frozenset[str]]
    lossy: tuple[str, ...]


def analyse(
    module: nn.Module,
    shapes: Shapes,
    neurons: NeuronLayers,
    *,
    allow_lossy: bool = False,
    time_axis: TimeAxis = "auto",
    output: Choice = None,
) -> Analysis:
    """What `module` does at each step. Raises UnsupportedLayer and ConfigError."""
    recording = record(module, input_ports(module, shapes), neurons, time_axis)
    lossy = _check_layers(recording, allow_lossy)
    table = Table(recording.modules)
    recording = replace(recording, modules=table.modules)

    def bias_free(paths: tuple[str, ...]) -> bool:
        return not has_bias([recording.modules[path] for path in paths])

    rewrite = Rewriter(table)
    settled = settled_inputs(recording, bias_free)
    inputs = {neuron: rewrite(expr) for neuron, expr in settled.items()}
    chosen = choose(recording, output, settled, bias_free)
    outputs = tuple(replace(o, expr=rewrite(o.expr)) for o in chosen.outputs)
    readouts = replace(chosen, outputs=outputs)
    exprs = [o.expr for o in outputs]
    used = reachable(exprs, inputs)
    problems = check_flow(recording, [*exprs, *(inputs[n] for n in used)], used)
    if problems:
        raise UnsupportedLayer(problems)
    return Analysis(recording, readouts, inputs, used, tuple(lossy))


def _check_arguments(module: object, shapes: Shapes, dt: object, time_axis: str) -> float:
    problems: list[Diagnostic] = []
    if not isinstance(module, nn.Module):
        detail = f"{type(module).__name__} is not a torch.nn.Module"
        problems.append(Diagnostic("module", "type", detail))
    try:
        input_ports(module if isinstance(module, nn.Module) else nn.Identity(), shapes)
    except ConfigError as error:
        problems += error.diagnostics
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
    return seconds


def _check_weights(module: nn.Module) -> None:
    problems = []
    for name, tensor in module.state_dict().items():
        if is_lazy(tensor):
            detail, hint = "gets its shape when the module first runs", "run the module once"
            problems.append(Diagnostic(name, "uninitialized", detail, hint))
        elif tensor.is_meta:
            detail = "has no values: it is on the meta device"
            problems.append(Diagnostic(name, "meta", detail, "load the weights"))
        elif tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
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


def _notes(recording: Recording, readouts: Readouts, built: Assembled) -> list[str]:
    notes = [*readouts.notes, *built.notes]
    unused = [n for n in recording.neuron_inputs if n not in built.names]
    if unused:
        notes.append(f"the output does not depend on {', '.join(unused)}: not exported")
    if built.mistyped:
        names = ", ".join(built.mistyped)
        notes.append(f"nir 1.0.8 infers wrong shapes for {names}: read with type_check=False")
    return notes


def _origin(module: nn.Module, neurons: NeuronLayers) -> Mapping[str, object]:
    versions = [f"{p} {_version(p)}" for p in (*neurons.packages, "torch", "nir")]
    kind = type(module)
    return {
        "producer": ", ".join([f"neurodeploy {__version__}", *versions]),
        "source": f"{kind.__module__}.{kind.__qualname__}",
        "source_hash": source_hash(module),
    }


@functools.cache
def _version(package: str) -> str:
    return metadata.version(package)


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
