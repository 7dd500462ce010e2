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
from torch import Tensor, nn

from neurodeploy.frontends.state_space import s4d_graph
from neurodeploy.ir.flatten import flatten
from neurodeploy.zoo.models.s4d import S4D
from neurodeploy.zoo.models.spiking_s4_loihi import Layer, Norm, SpikingS4Loihi

Array = np.ndarray[Any, np.dtype[np.float64]]


def _array(x: Tensor) -> Array:
    return x.detach().cpu().double().numpy()


def _linear(weight: Array, bias: Array | None = None) -> nir.Conv1d:
    """(out, in) as one tap; no bias is zeros."""
    offset = np.zeros(len(weight)) if bias is None else bias
    return nir.Conv1d(1, weight[..., None], 1, 0, 1, 1, offset)


def _folded(weight: Tensor, norm: Norm, shortcut: bool = False) -> nir.Conv1d:
    """norm(W x) + x, the latter with `shortcut`."""
    gain, offset = (_array(x) for x in norm.affine_map())
    direct = np.eye(len(gain)) if shortcut else 0.0
    return _linear(gain[:, None] * _array(weight) + direct, offset)


def _ssm(ssm: S4D, norm: Norm, dt: float) -> nir.NIRGraph:
    """norm's gain times the state spaces; its offset is left to the neurons."""
    gain = _array(norm.affine_map()[0])
    poles = -np.exp(_array(ssm.log_decay)) + 1j * _array(ssm.frequency)
    c = _array(ssm.c)
    readout = gain[:, None] * (c[..., 0] + 1j * c[..., 1])
    ones = np.ones_like(poles)
    return s4d_graph(
        poles, ones, readout, gain * _array(ssm.d), np.exp(_array(ssm.log_step)), dt=dt
    )


def _lif(width: int, beta: float, dt: float, offset: Array | None = None) -> nir.LIF:
    """v[t] = beta v[t-1] + i[t] + offset, reset to zero above 1."""
    shape = (width, 1)
    tau = np.full(shape, dt / (1.0 - beta))
    leak = np.zeros(shape) if offset is None else offset[:, None] / (1.0 - beta)
    return nir.LIF(tau, tau / dt, leak, np.ones(shape), np.zeros(shape))


def _layer(number: int, layer: Layer, width: int, beta: float, dt: float) -> dict[str, Any]:
    offset = _array(layer.norm1.affine_map()[1])
    return {
        f"ssm{number}": _ssm(layer.ssm, layer.norm1, dt),
        f"lif{number}_1": _lif(width, beta, dt, offset),
        f"emission{number}": _folded(layer.emission.weight, layer.norm2, shortcut=True),
        f"lif{number}_2": _lif(width, beta, dt),
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
        "encoder": _folded(network.encoder.weight, network.norm),
        "lif": _lif(c.width, c.beta, dt),
        "decoder": _linear(_array(decoder.weight), _array(decoder.bias)),
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
