"""Spiking-S4 as a Loihi-class chip can run it: every message a spike, every norm a weight.

    f -> Linear 257 -> 256 -> norm -> LIF = s0;  x = s0
    3 x [S4D(x) -> norm -> LIF = s;  e = LIF(norm(Linear s) + s);  x <- x + e]
    x -> Linear 256 -> 257 -> leaky average = o;  mask = relu(1 + o)

What differs from zoo/models/spiking_s4.py, and why:
    LIF     snnTorch's Leaky with reset to zero, which remembers over frames: what the chip's does
    norm    batch normalisation after a linear map; at inference an affine map that folds into its
            weights, S4D's C and D included. A layer norm would divide by a sum over the layer
    x       a sum of binary spikes, that is several synapses into the same population, never a
            real number; hence no gate (a product of two signals) in the emission
    f       log-magnitudes in 8 bits (zoo/audio/log_levels.py), a tapered window
    sizes   N = 16, 3 layers: 6,144 modes, where the published network has 32,768
S4D is S4D in both. One step is one frame: 8 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import snntorch
import torch
from torch import Tensor, nn

from neurodeploy.zoo.models.chip_layers import Memory, Norm, lif, over_frames
from neurodeploy.zoo.models.s4d import S4D

DECODER_GAIN = 0.1


@dataclass(frozen=True)
class SpikingS4LoihiConfig:
    """The network's shape and neuron constants."""

    bins: int = 257
    width: int = 256
    layers: int = 3
    state: int = 16  # N: 8 conjugate pairs a channel
    beta: float = 0.5  # membrane decay per frame (tau 16 ms; not learned)
    beta_out: float = 0.5  # of the average that is read out
    slope: float = 2.5  # steepness of the fast-sigmoid surrogate gradient (training only)


class Layer(nn.Module):
    """State spaces and two populations of neurons; adds e to the stream."""

    def __init__(self, config: SpikingS4LoihiConfig) -> None:
        super().__init__()
        self.ssm = S4D(config.width, config.state)
        self.norm1 = Norm(config.width)
        self.lif1 = lif(config.beta, config.slope)
        self.emission = nn.Linear(config.width, config.width, bias=False)
        self.norm2 = Norm(config.width)
        self.lif2 = lif(config.beta, config.slope)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, width) -> (B, L, width)."""
        s = over_frames(self.lif1, self.norm1(self.ssm(x)), 0)
        return x + over_frames(self.lif2, self.norm2(self.emission(s)) + s, 0)

    def step(self, x: Tensor, memory: Memory) -> Tensor:
        """One frame (B, width)."""
        s = memory.fire(self.lif1, self.norm1(memory.advance(self.ssm, x)))
        return x + memory.fire(self.lif2, self.norm2(self.emission(s)) + s)


class SpikingS4Loihi(nn.Module):
    """Features (B, L, bins) -> o (B, L, bins); causal, state zero before the first frame."""

    def __init__(self, config: SpikingS4LoihiConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or SpikingS4LoihiConfig()
        self.encoder = nn.Linear(c.bins, c.width, bias=False)
        self.norm = Norm(c.width)
        self.lif = lif(c.beta, c.slope)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.decoder = nn.Linear(c.width, c.bins)
        with torch.no_grad():
            self.decoder.weight *= DECODER_GAIN  # the mask starts near 1
        self.readout = snntorch.Leaky(beta=c.beta_out, reset_mechanism="none")

    @property
    def readout_gain(self) -> float:
        """o per unit of the decoder's output, once the average has settled."""
        return 1.0 / (1.0 - self.config.beta_out)

    def forward(self, features: Tensor) -> Tensor:
        x = over_frames(self.lif, self.norm(self.encoder(features)), 0)
        for layer in self.layers:
            x = layer(x)
        return over_frames(self.readout, self.decoder(x), 1)

    def step(self, features: Tensor, states: list[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """One frame (B, bins) and what the last call returned, or None at the start."""
        memory = Memory(states)
        x = memory.fire(self.lif, self.norm(self.encoder(features)))
        for layer in self.layers:
            assert isinstance(layer, Layer)
            x = layer.step(x, memory)
        return memory.fire(self.readout, self.decoder(x), 1), memory.after
