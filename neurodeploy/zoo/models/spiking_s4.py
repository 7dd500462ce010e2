"""Spiking-S4: speech enhancement by state spaces and binary spikes (Du, Liu and Chua 2023).

    |X| - 0.2 -> Linear 257 -> 256 -> PLIF -> 4 x [S4D + skip -> PLIF -> emission, + its input
    -> PLIF, + the layer's input -> LayerNorm] -> Linear 256 -> 257 = o;  mask = relu(1 + o)

arXiv:2309.03641; where the paper is silent, the first author's submission to the N-DNS challenge
(dyabel/dns-challenge-submission). The emission is a gated linear unit there (793,610 parameters)
and, by its 0.53 M parameters, a plain linear layer in the paper (530,442). The input of every S4
layer is real: only emissions and the encoder's spikes are binary.
`s4_ann` is the same network with ReLU, GELU and ReLU in place of the neurons: its twin.
Recipe: neurodeploy/zoo/train/enhancement.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodeploy.zoo.models.plif import Plif
from neurodeploy.zoo.models.s4d import S4D, Recurrence

# PyTorch's default leaves quiet frames without a spike; all norms then divide by their epsilon, and
# gradients start at 1e9. So drawn they start near 20.
ENCODER_GAIN = 4.0
ENCODER_BIAS = (0.0, 3.0)


@dataclass(frozen=True)
class SpikingS4Config:
    """The network's shape."""

    bins: int = 257  # of the transform: input and output
    width: int = 256  # channels, each with its own state space
    layers: int = 4
    state: int = 64  # N: 32 conjugate pairs
    emission: str = "glu"  # "glu": width -> 2 width -> gate -> width; "plain": width -> width
    spiking: bool = True  # False: the ANN twin


class Layer(nn.Module):
    """One spiking S4 layer."""

    def __init__(self, config: SpikingS4Config) -> None:
        super().__init__()
        width = config.width
        self.ssm = S4D(width, config.state)
        self.fire1: nn.Module = Plif() if config.spiking else nn.GELU()
        glu = config.emission == "glu"
        self.emission = (
            nn.Sequential(nn.Linear(width, 2 * width), nn.GLU())
            if glu
            else nn.Sequential(nn.Linear(width, width))
        )
        self.fire2: nn.Module = Plif() if config.spiking else nn.ReLU()
        self.norm = nn.LayerNorm(width)

    def after_ssm(self, x: Tensor, y: Tensor) -> Tensor:
        """The layer's input and its state spaces' output, (..., width) -> its output."""
        spikes = self.fire1(y)
        emitted = self.fire2(self.emission(spikes) + spikes)
        out: Tensor = self.norm(emitted + x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, width) -> (B, L, width)."""
        return self.after_ssm(x, self.ssm(x))

    def step(self, x: Tensor, state: Recurrence | None) -> tuple[Tensor, Recurrence]:
        """One frame (B, width) and the state after the last -> output and state."""
        y, new = self.ssm.step(x, state)
        return self.after_ssm(x, y), new


class SpikingS4(nn.Module):
    """Features (B, L, bins) -> o (B, L, bins); causal, state zero before the first frame."""

    def __init__(self, config: SpikingS4Config | None = None) -> None:
        super().__init__()
        self.config = c = config or SpikingS4Config()
        self.encoder = nn.Linear(c.bins, c.width)
        self.fire: nn.Module = Plif() if c.spiking else nn.ReLU()
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.decoder = nn.Linear(c.width, c.bins)
        if c.spiking:
            with torch.no_grad():
                self.encoder.weight *= ENCODER_GAIN
                self.encoder.bias.uniform_(*ENCODER_BIAS)

    def forward(self, features: Tensor) -> Tensor:
        x = self.fire(self.encoder(features))
        for layer in self.layers:
            x = layer(x)
        o: Tensor = self.decoder(x)
        return o

    def step(
        self, features: Tensor, states: list[Recurrence] | None = None
    ) -> tuple[Tensor, list[Recurrence]]:
        """One frame (B, bins) and the layers' states, or None at the start -> o and states."""
        x = self.fire(self.encoder(features))
        new = []
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            x, state = layer.step(x, None if states is None else states[number])
            new.append(state)
        return self.decoder(x), new
