"""A module run in float64, as the definition that its NIR graph is compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.frontends.tracer.assembly import assemble
from neurodeploy.frontends.tracer.export import analyse
from neurodeploy.frontends.tracer.network_copy import default_precision, in_float64
from neurodeploy.frontends.tracer.neuron_layers import SPIKES, NeuronLayers
from neurodeploy.frontends.tracer.recording import Recording, TimeAxis
from neurodeploy.frontends.tracer.signature import carried_states, returned_tensors

MEMBRANES: Final = ("mem", "v")  # what the frameworks call it; a layer has one of them

Array = np.ndarray[Any, np.dtype[np.float64]]


def replay(
    module: nn.Module,
    inputs: Array,
    neurons: NeuronLayers,
    *,
    time_axis: TimeAxis = "auto",
    output: int | None = None,
    membranes: bool = False,
) -> dict[str, Array]:
    """Every layer's spikes `(T, B, *shape)`, by the name of its node in the exported graph.

    `inputs` is `(T, B, *shape)`. A neuron of which only the membrane is read gives its membrane;
    "output" is what forward() returns. `membranes` adds "NAME/v" of spiking layers that are called
    once per step: what the layer states after it, before or after its reset. Raises what `to_nir`
    raises, and DataError for input that the module's time loop does not take.
    """
    inputs = np.asarray(inputs, dtype=np.float64)
    if inputs.ndim < 3:
        detail = f"shape {inputs.shape}, expected (T, B, *shape)"
        raise DataError(Diagnostic("input", "shape", detail))
    shape = inputs.shape[2:]
    found = analyse(module, shape, neurons, allow_lossy=True, time_axis=time_axis, output=output)
    recording = found.recording
    built = assemble(recording, found.readout.expr, found.inputs, found.used, shape, dt=1.0)
    network = in_float64(module, neurons)
    records: dict[str, list[Array]] = {name: [] for name in built.names.values()}
    for path, name in built.names.items():
        port = SPIKES if SPIKES in found.used[path] else min(found.used[path])
        layer = _module_at(network, path, neurons)
        _record(layer, neurons, port, records[name].append)
        if membranes and port == SPIKES and not neurons.takes_sequence(layer):
            _record_membrane(layer, neurons, records.setdefault(f"{name}/v", []).append)
    x = torch.from_numpy(inputs)
    try:
        with default_precision(torch.float64), torch.no_grad():
            returned = _run(network, recording, x, found.readout.returned)
    except (IndexError, RuntimeError) as error:
        detail = f"forward() on {inputs.shape} raised {type(error).__name__}: {error}"
        raise DataError(Diagnostic("input", "forward", detail)) from error
    layers = {name: np.stack(steps) for name, steps in records.items() if steps}
    return layers if returned is None else {**layers, "output": returned}


def _record(
    module: nn.Module, neurons: NeuronLayers, port: str, keep: Callable[[Array], None]
) -> None:
    def after(_: nn.Module, args: Any, out: Any) -> None:
        spikes = out[0] if isinstance(out, tuple) else out
        value = spikes if port == SPIKES else neurons.states_after(module, out)[port]
        for step in value if neurons.takes_sequence(module) else (value,):
            keep(step.detach().to(torch.float64).numpy().copy())

    module.register_forward_hook(after)


def _record_membrane(
    module: nn.Module, neurons: NeuronLayers, keep: Callable[[Array], None]
) -> None:
    def after(_: nn.Module, args: Any, out: Any) -> None:
        states = neurons.states_after(module, out)
        for value in (states[port] for port in MEMBRANES if port in states):
            keep(value.detach().to(torch.float64).numpy().copy())

    module.register_forward_hook(after)


def _module_at(network: nn.Module, path: str, neurons: NeuronLayers) -> nn.Module:
    return network if neurons.supports(network) else network.get_submodule(path)


def _run(network: nn.Module, recording: Recording, x: Tensor, returned: Any) -> Array | None:
    states: dict[str, Any] = {name: torch.zeros(0) for name in recording.states}
    states |= dict.fromkeys(recording.carried)
    if recording.loop == "outside":
        steps = []
        for step in x:
            out = network(step, **states)
            leaves = returned_tensors(out)
            steps.append(leaves[returned.position].numpy().copy())
            for name, position in recording.states.items():
                states[name] = states[name] if position is None else leaves[position]
            states |= carried_states(out, recording.carried)
        return np.stack(steps)
    total = len(x)
    if recording.loop == "constant":
        if len(x) != recording.steps or bool((x != x[:1]).any()):
            detail = f"forward() runs {recording.steps} steps on one input that stays the same"
            raise DataError(Diagnostic("input", "constant", detail, "repeat one step that often"))
        x = x[0]
    result = returned_tensors(network(x), steps=total)[returned.position]
    if returned.last_only:
        return None
    result = torch.stack(result) if isinstance(result, list) else result
    return np.asarray(result.movedim(returned.time_axis, 0).numpy())
