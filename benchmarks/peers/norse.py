"""Norse: `iaf_feed_forward_step`, float32, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from norse.torch.functional.iaf import IAFFeedForwardState, IAFParameters, iaf_feed_forward_step

from benchmarks.peers import Runner
from benchmarks.peers.torch_layers import spikes, torch_layers
from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]


def prepare(program: Program, x: Array) -> Runner:
    layers, given = torch_layers(program), spikes(x)
    parameters = [IAFParameters(v_th=torch.tensor(layer.threshold)) for layer in layers]
    states = [
        IAFFeedForwardState(layer.first.repeat(x.shape[1], *[1] * (layer.first.ndim - 1)))
        for layer in layers
    ]
    sent = [torch.zeros_like(state.v) for state in states]
    out = torch.empty(*x.shape[:2], *states[-1].v.shape[1:])

    @torch.inference_mode()
    def run() -> None:
        for t in range(len(given)):
            now = given[t]
            for i, layer in enumerate(layers):
                current = layer.synapse(now)
                if layer.recurrent is not None:
                    current = current + layer.recurrent(sent[i])
                sent[i], states[i] = iaf_feed_forward_step(current, states[i], parameters[i])
                now = sent[i]
            out[t] = now

    return Runner(run, lambda: out.numpy().reshape(*x.shape[:2], -1), latency=False)
