"""A feed-forward or self-recurrent Program of integrate-and-fire layers as torch modules.

Weights are the integers of the membrane (mantissa << 6) as float32, which holds them and every sum
below 2^24 exactly: what spikes can be compared one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers import Refused
from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, effective_bias
from neurodeploy.ir.program import Neuron, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Layer:
    """Synapses with the neurons' bias, the same from the neurons to themselves, what is needed of
    the neurons themselves: v(0) `(1, *shape)`, threshold."""

    synapse: nn.Module
    recurrent: nn.Module | None
    first: Tensor
    threshold: float


def torch_layers(program: Program) -> list[Layer]:
    """Raises Refused for other Programs."""
    layers = []
    for name in program.order:
        neuron = program.neuron(name)
        if neuron.model != "cuba_lif" or neuron.params["du"] != 4095 or neuron.params["dv"] != 0:
            raise Refused("quantized neurons, no float network")
        incoming = program.incoming(name)
        forward = [s for s in incoming if s.source != name]
        back = [_module(s, 0.0) for s in incoming if s.source == name]
        bias = float(effective_bias(neuron.params["bias"], neuron.params["bias_exp"]))
        image = forward[0].kind == "dense" and len(program.shapes[forward[0].source]) > 1
        module = _module(forward[0], bias)
        layers.append(
            Layer(
                nn.Sequential(nn.Flatten(), module) if image else module,
                back[0] if back else None,
                _first(neuron),
                float(neuron.params["vth"] << MANTISSA_SHIFT),
            )
        )
    return layers


def _first(neuron: Neuron) -> Tensor:
    """v at the time the first spikes arrive; the bias has run for `latency` steps by then."""
    bias = effective_bias(neuron.params["bias"], neuron.params["bias_exp"])
    v = np.asarray(neuron.params["v_init"]) + bias * neuron.latency
    return torch.tensor(np.broadcast_to(v, neuron.shape)[None].astype(np.float32))


def _module(synapse: Synapse, bias: float) -> nn.Module:
    values = torch.tensor(np.asarray(synapse.weights) << MANTISSA_SHIFT, dtype=torch.float32)
    if synapse.kind == "dense":
        module: Any = nn.Linear(*reversed(values.shape))
    else:
        geometry = synapse.geometry
        assert geometry is not None
        channels = values.shape[1] * geometry.groups
        module = nn.Conv2d(
            channels, len(values), values.shape[2:], geometry.stride, geometry.padding,
            geometry.dilation, geometry.groups,
        )  # fmt: skip
    with torch.no_grad():
        module.weight.copy_(values)
        module.bias.fill_(bias)
    return module


def spikes(x: Array) -> Tensor:
    """Input as float32."""
    return torch.tensor(x, dtype=torch.float32)
