"""A codec whose encoder's matrices see spikes, and whose stream, codes and decoder are ESC's.

    c = norm(x)                                    real, once
    x <- x + mean_t out(PLIF(y_t))                 y_t = softmax(g / T sum_t q_t k_t' + bias) v_t
         q, k, v = PLIF(qkv(PLIF(c)))
    x <- x + mean_t project(PLIF(expand(PLIF(norm(x)))))

Every product with a weight of the blocks, and both of attention, is with -1, 0 or 1 and thus an
accumulation. T steps begin at rest at each token, with c at all of them. What accumulates nothing
(patches, norms, softmax, the halving of rows, the stream) is computed once and not T times. Spikes
have a sign where values lie about zero; those that `project` takes have none and stand for GELU,
which goes: a neuron rectifies by itself. `gain` scales what a neuron takes; hardware has it in the
weights before. Without spikes (`bypassed`) the network is the artificial one of the same weights.

Ours: no such codec is published. Softmax stays, unlike in Spikformer (Zhou et al. 2023,
arXiv:2209.15425), since without it the twin's weights would be no start.
Recipe and warm start: neurodeploy/zoo/train/{codec_recipes,spike_balance}.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.zoo.models.esc import TINY, Esc, EscConfig
from neurodeploy.zoo.models.plif import PlifSteps, SignedPlifSteps
from neurodeploy.zoo.models.window_attention import SwinBlock, WindowAttention


class Spikes(nn.Module):
    """Real values over T steps, (T, ...), as spikes of one or, `SignedSpikes`, of either sign."""

    neuron: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.neuron = PlifSteps()
        self.bypassed = False

    def meaning(self, x: Tensor) -> Tensor:
        """What the mean of the spikes stands for, up to a factor."""
        return functional.gelu(x)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.meaning(x) if self.bypassed else self.neuron(self.gain * x)
        return out


class SignedSpikes(Spikes):
    """-1, 0 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron = SignedPlifSteps()

    def meaning(self, x: Tensor) -> Tensor:
        return x


@contextmanager
def bypassed(network: nn.Module) -> Iterator[None]:
    """Real values in place of spikes."""
    layers = [m for m in network.modules() if isinstance(m, Spikes)]
    for layer in layers:
        layer.bypassed = True
    try:
        yield
    finally:
        for layer in layers:
            layer.bypassed = False


class SpikingWindowAttention(WindowAttention):
    """Attention within windows, its products those of spikes: (B, F, L, C) -> the same shape."""

    def __init__(self, dim: int, heads: int, window: int, shift: int, steps: int) -> None:
        super().__init__(dim, heads, window, shift)
        self.steps = steps
        self.fire_in, self.fire_out = SignedSpikes(), SignedSpikes()
        self.fire_q, self.fire_k, self.fire_v = SignedSpikes(), SignedSpikes(), SignedSpikes()
        self.sharpness = nn.Parameter(torch.full((heads, 1, 1), (dim // heads) ** -0.5))

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[1:3]
        spikes = self.fire_in(x.expand(self.steps, *x.shape))
        qkv, grid = self.windows(self.qkv, spikes.flatten(0, 1))
        q, k, v = qkv.view(3, self.steps, -1, *qkv.shape[2:])
        offsets = self.offsets(rows, columns, grid)
        y = self._weighed(self.fire_q(q), self.fire_k(k), self.fire_v(v), offsets)
        joined = self.joined(y.flatten(0, 1), rows, columns, grid)
        sent = self.fire_out(joined.reshape(self.steps, *x.shape))
        out: Tensor = self.out(sent).mean(0)
        return out

    def _weighed(self, q: Tensor, k: Tensor, v: Tensor, offsets: Tensor) -> Tensor:
        """Spikes (T, B, windows, heads, tokens, head dim) -> values weighed by one softmax."""
        ours, theirs = (x.movedim(0, -2).flatten(-2) for x in (q, k))
        scores = self.sharpness / self.steps * (ours @ theirs.mT) + offsets
        return torch.softmax(scores, -1) @ v


class SpikingSwinBlock(SwinBlock):
    """A block of the encoder; names of weights are those of the artificial block."""

    attention: SpikingWindowAttention

    def __init__(self, dim: int, heads: int, window: int, shift: int, steps: int) -> None:
        super().__init__(dim, heads, window, shift)
        self.steps = steps
        self.attention = SpikingWindowAttention(dim, heads, window, shift, steps)
        self.fire = SignedSpikes()
        self.mlp[1] = Spikes()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        c = self.norm2(x)
        out: Tensor = x + self.mlp(self.fire(c.expand(self.steps, *c.shape))).mean(0)
        return out


def steps_of(codec: Esc) -> int | None:
    """T; None of an artificial codec."""
    blocks = (m for m in codec.modules() if isinstance(m, SpikingSwinBlock))
    return next((block.steps for block in blocks), None)


def spiking_esc(config: EscConfig, steps: int) -> Esc:
    """The codec of that shape, T = steps."""
    return Esc(config, partial(SpikingSwinBlock, steps=steps))


def spiking_esc_tiny(steps: int = 2) -> Esc:
    """The spiking counterpart of `esc_tiny`."""
    return spiking_esc(TINY, steps)
