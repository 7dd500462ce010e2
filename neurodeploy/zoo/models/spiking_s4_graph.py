"""`spiking_s4_loihi` as standard NIR: norms folded, state spaces as LI and their feedback.

Everything is `(channels, 1)`: a linear map is a convolution of one tap over one place, as in
`frontends.state_space`. An LIF's gain per step is r dt / tau = 1, its decay 1 - dt / tau = beta.
Names: `encoder`, `lif`; in layer k `ssmK`, `lifK_1`, `emissionK`, `lifK_2`; `decoder`, `readout`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import nir
import numpy as np
import torch
from torch import nn

from neurodeploy.frontends.state_space import s4d_graph
from neurodeploy.ir.flatten import flatten
from neurodeploy.zoo.models.chip_layers import Norm
from neurodeploy.zoo.models.chip_nodes import array, folded, lif, linear
from neurodeploy.zoo.models.s4d import S4D
from neurodeploy.zoo.models.spiking_s4_loihi import Layer, SpikingS4Loihi


def _ssm(ssm: S4D, norm: Norm, dt: float) -> nir.NIRGraph:
    """norm's gain times the state spaces; its offset is left to the neurons."""
    gain = array(norm.affine_map()[0])
    poles = -np.exp(array(ssm.log_decay)) + 1j * array(ssm.frequency)
    c = array(ssm.c)
    readout = gain[:, None] * (c[..., 0] + 1j * c[..., 1])
    ones = np.ones_like(poles)
    return s4d_graph(poles, ones, readout, gain * array(ssm.d), np.exp(array(ssm.log_step)), dt=dt)


def _layer(number: int, layer: Layer, width: int, beta: float, dt: float) -> dict[str, Any]:
    offset = array(layer.norm1.affine_map()[1])
    return {
        f"ssm{number}": _ssm(layer.ssm, layer.norm1, dt),
        f"lif{number}_1": lif(width, beta, dt, offset),
        f"emission{number}": folded(layer.emission.weight, layer.norm2, shortcut=True),
        f"lif{number}_2": lif(width, beta, dt),
    }


@torch.no_grad()
def to_graph(network: SpikingS4Loihi, dt: float) -> nir.NIRGraph:
    """The graph from features `(bins, 1)` to o `(bins, 1)`, one step per frame of `dt` seconds."""
    c = network.config
    decoder = network.decoder
    assert isinstance(decoder, nn.Linear)
    shape = (c.bins, 1)
    tau = np.full(shape, dt / (1.0 - c.beta_out))
    nodes: dict[str, Any] = {
        "input": nir.Input({"input": np.array(shape)}),
        "encoder": folded(network.encoder.weight, network.norm),
        "lif": lif(c.width, c.beta, dt),
        "decoder": linear(array(decoder.weight), array(decoder.bias)),
        "readout": nir.LI(tau, tau / dt, np.zeros(shape)),
        "output": nir.Output({"output": np.array(shape)}),
    }
    edges = [("input", "encoder"), ("encoder", "lif"), ("lif", "decoder")]
    edges += [("decoder", "readout"), ("readout", "output")]
    stream = ["lif"]  # x is the sum of these
    for number, layer in enumerate(network.layers, start=1):
        assert isinstance(layer, Layer)
        nodes |= _layer(number, layer, c.width, c.beta, dt)
        chain = [f"ssm{number}", f"lif{number}_1", f"emission{number}", f"lif{number}_2"]
        edges += [(source, chain[0]) for source in stream]
        edges += [*pairwise(chain), (chain[-1], "decoder")]
        stream.append(chain[-1])
    return flatten(nir.NIRGraph(nodes, edges, type_check=False))
