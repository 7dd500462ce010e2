"""What the integers stand for as the state_dict of the module that the network was exported from.

A synapse of the Program holds a layer's weights times a factor for each output (a membrane's gain,
a folded batch norm). What training changed, divided by that factor, is added to the layer's
weights, and of a population's bias, or of what enters its current in every step, to the layer's
bias. The result is exported anew and has to be the trained Program: what cannot be said in the
module's own terms is refused, not approximated.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy import pipeline
from neurodeploy.errors import Diagnostic, QuantizationError
from neurodeploy.ir.program import Neuron, Program, Synapse
from neurodeploy.zoo.fine_tuning.components import clocks
from neurodeploy.zoo.fine_tuning.synapse import is_elementwise
from neurodeploy.zoo.fine_tuning.tuning import FineTuned

Array = np.ndarray[Any, np.dtype[Any]]
CLOSE = 1e-5  # relative to the largest weight: torch's parameters are float32


def tuned_state_dict(
    tuned: FineTuned, module: nn.Module, input_shape: tuple[int, ...], *, dt: float
) -> dict[str, Tensor]:
    """The state_dict with which `module` computes in real numbers what the integers stand for.

    module: as it was exported, with the weights before the fine-tuning. Raises QuantizationError
    for what has no place in it: a pooled and flattened matrix, a bias of a layer that has none.
    """
    before, after = tuned.compiled.real, tuned.real
    state = {name: value.detach().clone() for name, value in module.state_dict().items()}
    done: set[str] = set()  # a layer that several synapses hold changes once
    for neuron in before.neurons:
        weights, change, steady = changes(before, after, neuron)
        for old, difference in weights:
            if is_elementwise(old) and not np.any(difference):
                continue
            name, factor = _layer(module, old)
            if name in done:
                continue
            done.add(name)
            rows = (-1, *[1] * (difference.ndim - 1))
            _add(state, name, difference / factor.reshape(rows))
            bias = name.removesuffix("weight") + "bias"
            for constant in (change, steady):
                if np.any(constant) and bias in state:
                    _add(state, bias, _per_output(constant, len(factor)) / factor)
                    constant[...] = 0
    copy = deepcopy(module)
    copy.load_state_dict(state)
    graph = pipeline.to_nir(copy, input_shape, dt=dt).graph
    _require_same(pipeline.load(graph, dt), after)
    return state


def changes(
    before: Program, after: Program, neuron: Neuron
) -> tuple[list[tuple[Synapse, Array]], Array, Array]:
    """What training changed: by synapse its weights (of a sparse one those that it stores, flat),
    the bias of the neuron, and the sum of what enters it in every step."""
    old_bias, new_bias = (
        _array(p.neuron(neuron.name).params.get("bias", np.zeros(neuron.shape)))
        for p in (before, after)
    )
    change = new_bias - old_bias
    weights, steady = [], np.zeros_like(change)
    for old, new in zip(before.incoming(neuron.name), after.incoming(neuron.name), strict=True):
        difference = _values(new) - _values(old)
        if old.source in clocks(before):
            steady = steady + difference.reshape(steady.shape)
        else:
            weights.append((old, difference))
    return weights, change, steady


def _values(synapse: Synapse) -> Array:
    return _array(synapse.weight_values if synapse.kind == "sparse" else synapse.weights)


def _layer(module: nn.Module, synapse: Synapse) -> tuple[str, Array]:
    """The weights that the synapse holds, by name, and its factor for each output."""
    if synapse.kind != "sparse":
        held = _array(synapse.weights)
        for name, parameter in module.named_parameters():
            if name.endswith("weight") and parameter.shape == held.shape:
                factor = factor_of(_array(parameter), held)
                if factor is not None:
                    return name, factor
    detail = "holds the weights of no single layer"
    hint = "write_program keeps what was trained; the Program of FineTuned.real runs it"
    raise QuantizationError(Diagnostic(f"synapse {synapse.name}", "state-dict", detail, hint))


def factor_of(weights: Array, held: Array) -> Array | None:
    """By what each output's weights are multiplied to be what the synapse holds, if so they are."""
    flat, rows = weights.reshape(len(weights), -1), held.reshape(len(held), -1)
    power = (flat**2).sum(axis=1)
    factor = np.ones(len(power))
    np.divide((rows * flat).sum(axis=1), power, out=factor, where=power > 0)
    error = np.abs(rows - factor[:, None] * flat).max(initial=0.0)
    return factor if error <= CLOSE * np.abs(rows).max(initial=0.0) and factor.all() else None


def _add(state: dict[str, Tensor], name: str, change: Array) -> None:
    value = state[name]
    state[name] = value + torch.as_tensor(change, dtype=value.dtype).reshape(value.shape)


def _per_output(change: Array, outputs: int) -> Array:
    return change.reshape(outputs, -1)[:, 0]


def _require_same(got: Program, wanted: Program) -> None:
    problems = []
    pairs: list[tuple[str, Any, Any]] = [
        (f"synapse {b.name}", a.weight_values, b.weight_values)
        for a, b in zip(got.synapses, wanted.synapses, strict=True)
    ]
    pairs += [
        (f"neuron {b.name}.bias", a.params["bias"], b.params["bias"])
        for a, b in zip(got.neurons, wanted.neurons, strict=True)
        if "bias" in b.params
    ]
    for where, left, right in pairs:
        error = float(np.abs(_array(left) - _array(right)).max(initial=0.0))
        if error > 10 * CLOSE * max(float(np.abs(_array(right)).max(initial=0.0)), 1e-30):
            detail = f"differs by {error:g} from what the module can hold"
            problems.append(Diagnostic(where, "state-dict", detail))
    if problems:
        raise QuantizationError(problems)


def _array(values: Any) -> Array:
    values = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return values.astype(np.float64)
