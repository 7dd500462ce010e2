"""snnTorch: `Leaky` with beta 1 and reset to zero, float32, step by step as in its tutorials."""

from __future__ import annotations

from typing import Any

import numpy as np
import snntorch as snn
import torch

from benchmarks.peers import Runner
from benchmarks.peers.torch_layers import spikes, torch_layers
from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]


def prepare(program: Program, x: Array) -> Runner:
    layers, given = torch_layers(program), spikes(x)
    neurons = [
        snn.Leaky(beta=1.0, threshold=layer.threshold, reset_mechanism="zero", reset_delay=False)
        for layer in layers
    ]
    memory = [layer.first.repeat(x.shape[1], *[1] * (layer.first.ndim - 1)) for layer in layers]
    sent = [torch.zeros_like(v) for v in memory]
    out = torch.empty(*x.shape[:2], *memory[-1].shape[1:])

    @torch.inference_mode()
    def run() -> None:
        for t in range(len(given)):
            now = given[t]
            for i, (layer, neuron) in enumerate(zip(layers, neurons, strict=True)):
                current = layer.synapse(now)
                if layer.recurrent is not None:
                    current = current + layer.recurrent(sent[i])
                sent[i], memory[i] = neuron(current, memory[i])
                now = sent[i]
            out[t] = now

    return Runner(run, lambda: out.numpy().reshape(*x.shape[:2], -1), latency=False)
