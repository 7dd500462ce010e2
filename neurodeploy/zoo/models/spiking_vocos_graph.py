"""The chip's part of `spiking_vocos_loihi` as standard NIR: norms folded, frames as delays.

Everything is `(channels, 1)`, see chip_nodes.py. A kernel of k frames is k convolutions of one tap
behind Delays of 0, T, ... (k - 1) T steps, which the compiler makes k delayed synapses. x is an LI
that forgets within the step, tau = dt. Names: `embed_d` for the tap d frames back, `x0`; in block
b `depthwiseB_d`, `lifB_1`, `expandB`, `lifB_2`, `projectB`, `xB`; the last x is `readout`.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
import torch

from neurodeploy.zoo.models.chip_nodes import Array, array, folded, lif, linear
from neurodeploy.zoo.models.spiking_vocos_loihi import Block, ChipBackbone

Nodes = dict[str, Any]
Edges = list[tuple[str, str]]


def _kernel(
    source: str, name: str, target: str, taps: Array, width: int, hold: float
) -> tuple[Nodes, Edges]:
    """A causal convolution of taps (out, in / groups, k) over frames of `hold` seconds."""
    nodes: Nodes = {}
    edges: Edges = []
    groups = width // taps.shape[1]
    for back in range(taps.shape[2]):
        tap = np.ascontiguousarray(taps[:, :, -1 - back, None])
        nodes[f"{name}_{back}"] = nir.Conv1d(1, tap, 1, 0, 1, groups, np.zeros(len(tap)))
        before = source
        if back:
            before = f"{source}_{back}"
            nodes[before] = nir.Delay(np.full((width, 1), back * hold))
            edges.append((source, before))
        edges += [(before, f"{name}_{back}"), (f"{name}_{back}", target)]
    return nodes, edges


def _stream(bias: Array, beta: float, dt: float) -> nir.LI:
    """v[t] = beta v[t-1] + i[t] + bias."""
    tau = np.full((len(bias), 1), dt / (1.0 - beta))
    return nir.LI(tau, tau / dt, bias[:, None] / (1.0 - beta))


def _block(number: int, block: Block, width: int, beta: float, dt: float) -> tuple[Nodes, Edges]:
    """From `x(number - 1)` to what `project` adds; without the node of the new x."""
    gain, offset = (array(x) for x in block.norm1.affine_map())
    taps = gain[:, None, None] * array(block.conv.weight)
    first, second = f"lif{number}_1", f"lif{number}_2"
    nodes, edges = _kernel(
        f"x{number - 1}", f"depthwise{number}", first, taps, width, block.steps * dt
    )
    bias = array(block.norm2.affine_map()[1])
    weights = folded(block.expand.weight, block.norm2)
    weights.bias = np.zeros_like(bias)
    nodes |= {
        first: lif(width, beta, dt, offset),
        f"expand{number}": weights,
        second: lif(len(bias), beta, dt, bias),
        f"project{number}": linear(array(block.gamma)[:, None] * array(block.project.weight)),
    }
    return nodes, [*edges, (first, f"expand{number}"), (f"expand{number}", second),
                   (second, f"project{number}")]  # fmt: skip


@torch.no_grad()
def to_graph(network: ChipBackbone) -> nir.NIRGraph:
    """From features `(bands, 1)` to y `(width, 1)`, a step for each `config.dt` seconds."""
    c, dt = network.config, network.config.dt
    embedding = network.embed.bias
    assert embedding is not None
    nodes: Nodes = {
        "input": nir.Input({"input": np.array((c.mel.bands, 1))}),
        "x0": _stream(array(embedding), 0.0, dt),
        "output": nir.Output({"output": np.array((c.width, 1))}),
    }
    taps, edges = _kernel(
        "input", "embed", "x0", array(network.embed.weight), c.mel.bands, c.steps * dt
    )
    nodes |= taps
    for number, block in enumerate(network.blocks, start=1):
        assert isinstance(block, Block)
        inner, inside = _block(number, block, c.width, c.beta, dt)
        last = number == c.blocks
        name = "readout" if last else f"x{number}"
        nodes |= inner
        bias = array(block.gamma) * array(block.project.bias)
        nodes[name] = _stream(bias, c.beta_out if last else 0.0, dt)
        edges += [*inside, (f"project{number}", name), (f"x{number - 1}", name)]
    return nir.NIRGraph(nodes, [*edges, ("readout", "output")], type_check=False)
