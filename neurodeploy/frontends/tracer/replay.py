"""A module run in float64, as the definition that its NIR graph is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.frontends.tracer.assembly import assemble
from neurodeploy.frontends.tracer.export import analyse
from neurodeploy.frontends.tracer.network_copy import (
    checked_module,
    default_precision,
    in_float64,
    unwrapped,
)
from neurodeploy.frontends.tracer.neuron_layers import SPIKES, NeuronLayers
from neurodeploy.frontends.tracer.readout import Choice, Readout
from neurodeploy.frontends.tracer.recording import TimeAxis
from neurodeploy.frontends.tracer.runs import Recording, call_forward
from neurodeploy.frontends.tracer.signature import (
    Shapes,
    carried_states,
    returned_tensors,
)

MEMBRANES: Final = ("mem", "v")  # what the frameworks call it; a layer has one of them

Array = np.ndarray[Any, np.dtype[np.float64]]
Inputs: TypeAlias = Array | Sequence[Array] | Mapping[str, Array]


def replay(
    module: nn.Module,
    inputs: Inputs,
    neurons: NeuronLayers,
    *,
    time_axis: TimeAxis = "auto",
    output: Choice = None,
    membranes: bool = False,
) -> dict[str, Array]:
    """Every layer's spikes `(T, B, *shape)`, by the name of its node in the exported graph.

    `inputs` is `(T, B, *shape)`, or several: a tuple for the first arguments or a mapping from
    arguments. A neuron of which only the membrane is read gives its membrane; what forward()
    returns comes by the name of its Output node. `membranes` adds "NAME/v" of spiking layers that
    are called once per step: what the layer states after it, before or after its reset. Raises what
    `to_nir` raises, and DataError for input that the module's time loop does not take.
    """
    data, shapes = _prepared(inputs)
    module = unwrapped(checked_module(module))
    found = analyse(module, shapes, neurons, allow_lossy=True, time_axis=time_axis, output=output)
    recording, outputs = found.recording, found.readouts.outputs
    built = assemble(recording, outputs, found.inputs, found.used, dt=1.0)
    network = in_float64(module, neurons)
    records: dict[str, list[Array]] = {name: [] for name in built.names.values()}
    for path, name in built.names.items():
        port = SPIKES if SPIKES in found.used[path] else min(found.used[path])
        layer = _module_at(network, path, neurons)
        _record(layer, neurons, port, records[name].append)
        if membranes and port == SPIKES and not neurons.takes_sequence(layer):
            _record_membrane(layer, neurons, records.setdefault(f"{name}/v", []).append)
    try:
        with default_precision(torch.float64), torch.no_grad(), neurons.running(network):
            returned = _run(network, recording, [torch.from_numpy(x) for x in data], outputs)
    except (IndexError, RuntimeError) as error:
        given = ", ".join(str(x.shape) for x in data)
        detail = f"forward() on {given} raised {type(error).__name__}: {error}"
        raise DataError(Diagnostic("input", "forward", detail)) from error
    return {**{name: np.stack(steps) for name, steps in records.items() if steps}, **returned}


def _prepared(inputs: Inputs) -> tuple[list[Array], Shapes]:
    """The arrays in the order of the ports, and their shapes as `to_nir` takes them."""
    several = list(inputs.values()) if isinstance(inputs, Mapping) else inputs
    data = [several] if isinstance(several, np.ndarray) else list(several)
    data = [np.asarray(x, dtype=np.float64) for x in data]
    wrong = [x.shape for x in data if x.ndim < 3 or x.shape[:2] != data[0].shape[:2]]
    if wrong or not data:
        detail = f"shape {wrong[0] if wrong else ()}, expected (T, B, *shape)"
        raise DataError(Diagnostic("input", "shape", detail))
    shapes = [x.shape[2:] for x in data]
    if isinstance(inputs, Mapping):
        return data, dict(zip(inputs, shapes, strict=True))
    return data, shapes[0] if isinstance(inputs, np.ndarray) else shapes


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


def _run(
    network: nn.Module, recording: Recording, inputs: list[Tensor], outputs: Sequence[Readout]
) -> dict[str, Array]:
    """What forward() returns for each output, as `(T, B, *shape)`."""
    if recording.loop == "outside":
        return _step_by_step(network, recording, inputs, outputs)
    total = len(inputs[0])
    if recording.loop == "constant":
        same = all(bool((x == x[:1]).all()) for x in inputs)
        if total != recording.steps or not same:
            detail = f"forward() runs {recording.steps} steps on one input that stays the same"
            raise DataError(Diagnostic("input", "constant", detail, "repeat one step that often"))
        inputs = [x[0] for x in inputs]
    else:
        inputs = [x.movedim(0, recording.input_time_axis) for x in inputs]
    result = returned_tensors(call_forward(network, recording.ports, inputs, {}), steps=total)
    found = {}
    for output in outputs:
        tensor = result[output.returned.position]
        if not output.returned.last_only:
            tensor = torch.stack(tensor) if isinstance(tensor, list) else tensor
            found[output.node] = tensor.movedim(output.returned.time_axis, 0).numpy().copy()
    return found


def _step_by_step(
    network: nn.Module, recording: Recording, inputs: list[Tensor], outputs: Sequence[Readout]
) -> dict[str, Array]:
    states: dict[str, Any] = {name: torch.zeros(0) for name in recording.states}
    states |= dict.fromkeys(recording.carried)
    steps: dict[str, list[Array]] = {output.node: [] for output in outputs}
    for step in zip(*inputs, strict=True):
        out = call_forward(network, recording.ports, step, states)
        leaves = returned_tensors(out)
        for output in outputs:
            steps[output.node].append(leaves[output.returned.position].numpy().copy())
        for name, position in recording.states.items():
            states[name] = states[name] if position is None else leaves[position]
        states |= carried_states(out, recording.carried)
    return {node: np.stack(values) for node, values in steps.items()}
