"""SpikingJelly: `IFNode`, float32, layer by layer over all steps where no layer feeds itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from spikingjelly.activation_based import functional, neuron

from benchmarks.peers import Refused, Runner
from benchmarks.peers.torch_layers import spikes, torch_layers
from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]
STRICTLY = 0.5  # fires at v >= threshold; ours, of integers, above it


def prepare(program: Program, x: Array) -> Runner:
    layers, given = torch_layers(program), spikes(x)
    if any(layer.recurrent is not None for layer in layers):
        raise Refused("one network, layer by layer: no recurrence")
    nodes = []
    for layer in layers:
        node = neuron.IFNode(layer.threshold + STRICTLY, 0.0, step_mode="m")
        node.eval()
        node.v = layer.first.repeat(x.shape[1], *[1] * (layer.first.ndim - 1))
        nodes.append(node)
    found: list[Any] = []

    @torch.inference_mode()
    def run() -> None:
        now = given
        for layer, node in zip(layers, nodes, strict=True):
            now = node(functional.seq_to_ann_forward(now, layer.synapse))
        found[:] = [now]

    return Runner(run, lambda: found[0].numpy().reshape(*x.shape[:2], -1), latency=False)
