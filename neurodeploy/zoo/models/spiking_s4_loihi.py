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

from collections.abc import Sequence
from dataclasses import dataclass

import snntorch
import torch
from snntorch import surrogate
from torch import Tensor, nn

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


class Norm(nn.BatchNorm1d):
    """Batch normalisation over all axes but the last, the channels."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.reshape(-1, x.shape[-1])).view_as(x)

    def affine_map(self) -> tuple[Tensor, Tensor]:
        """Gain and offset of each channel at inference."""
        assert self.running_var is not None
        assert self.running_mean is not None
        gain = self.weight / torch.sqrt(self.running_var + self.eps)
        return gain, self.bias - gain * self.running_mean


def lif(config: SpikingS4LoihiConfig) -> snntorch.Leaky:
    """v[t] = (1 - s[t-1]) beta v[t-1] + i[t], a spike above 1."""
    return snntorch.Leaky(
        beta=config.beta,
        threshold=1.0,
        reset_mechanism="zero",
        spike_grad=surrogate.fast_sigmoid(slope=config.slope),
    )


def over_frames(neuron: snntorch.Leaky, drive: Tensor, output: int) -> Tensor:
    """A neuron through all frames of (B, L, N) from rest; output 0: spikes, 1: membrane."""
    membrane = torch.zeros_like(drive[:, 0])
    frames: list[Tensor] = []
    for current in drive.unbind(1):
        result: Sequence[Tensor] = neuron(current, membrane)
        membrane = result[1]
        frames.append(result[output].to(drive.dtype))  # snnTorch's spikes are float32
    return torch.stack(frames, dim=1)


class Memory:
    """Membranes and state spaces from frame to frame, in the order in which they are used."""

    def __init__(self, before: list[Tensor] | None = None) -> None:
        self._before = iter(before or [])
        self.after: list[Tensor] = []

    def fire(self, neuron: snntorch.Leaky, drive: Tensor, output: int = 0) -> Tensor:
        """One step of a neuron (B, N); output 0: spikes, 1: membrane."""
        membrane = next(self._before, torch.zeros_like(drive))
        result: Sequence[Tensor] = neuron(drive, membrane)
        self.after.append(result[1])
        return result[output].to(drive.dtype)

    def advance(self, ssm: S4D, u: Tensor) -> Tensor:
        """One step of state spaces (B, channels)."""
        y, state = ssm.step(u, next(self._before, None))
        self.after.append(state)
        return y


class Layer(nn.Module):
    """State spaces and two populations of neurons; adds e to the stream."""

    def __init__(self, config: SpikingS4LoihiConfig) -> None:
        super().__init__()
        self.ssm = S4D(config.width, config.state)
        self.norm1 = Norm(config.width)
        self.lif1 = lif(config)
        self.emission = nn.Linear(config.width, config.width, bias=False)
        self.norm2 = Norm(config.width)
        self.lif2 = lif(config)

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
        self.lif = lif(c)
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

    def step(
        self, features: Tensor, states: list[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """One frame (B, bins) and what the last call returned, or None at the start."""
        memory = Memory(states)
        x = memory.fire(self.lif, self.norm(self.encoder(features)))
        for layer in self.layers:
            assert isinstance(layer, Layer)
            x = layer.step(x, memory)
        return memory.fire(self.readout, self.decoder(x), 1), memory.after
