"""Host parts on disk: their weights by name; their code is the user's module, cut as before."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.frontends.hybrid.regions import region
from neurodeploy.frontends.hybrid.stepping import Step
from neurodeploy.frontends.snntorch.neuron_layers import SNNTORCH

Array = np.ndarray[Any, np.dtype[Any]]


def fingerprint(step: Step) -> str:
    """Of what forward() calls, in which order and with what; weights aside."""
    text = "\n".join(str(n.format_node()) for n in step.network.graph.nodes)
    return hashlib.sha256(text.encode()).hexdigest()


def weights_of(module: nn.Module) -> dict[str, Array]:
    """Parameters and buffers without the neurons' states."""
    states = _state_names(module)
    return {
        name: value.detach().cpu().contiguous().numpy()
        for name, value in module.state_dict().items()
        if name not in states
    }


def rebuilt(
    step: Step, nodes: Collection[str], outputs: Sequence[str], weights: Mapping[str, Array]
) -> fx.GraphModule:
    """The part of these nodes with these weights; DataError where they do not belong together."""
    by_name = {n.name: n for n in step.network.graph.nodes}
    unknown = sorted({*nodes, *outputs} - by_name.keys())
    if unknown:
        detail = f"the module computes no {', '.join(unknown)}"
        raise DataError(Diagnostic("hybrid", "module", detail))
    part = region(step, [by_name[n] for n in nodes], [by_name[n] for n in outputs]).module
    wanted = {k: v.shape for k, v in weights_of(part).items()}
    given = {k: v.shape for k, v in weights.items()}
    if wanted != given:
        odd = sorted(k for k in wanted.keys() | given.keys() if wanted.get(k) != given.get(k))
        detail = f"weights that differ in name or shape: {', '.join(odd)}"
        raise DataError(Diagnostic("hybrid", "weights", detail, "give the module that was cut"))
    states = {k: v for k, v in part.state_dict().items() if k in _state_names(part)}
    tensors = {k: torch.from_numpy(np.array(v)) for k, v in weights.items()}
    part.load_state_dict(states | tensors)
    return part


def _state_names(module: nn.Module) -> set[str]:
    return {
        f"{path}.{state}" if path else state
        for path, layer in module.named_modules()
        if SNNTORCH.owns(layer)
        for state in SNNTORCH.kept_states(layer)
    }
