"""The N-DNS challenge's sigma-delta baseline: 525,312 weights, no biases, two learned delays.

    |X| - 0.2 in 64ths -> delta -> Linear 257 -> 512 -> relu, delta, delay -> Linear 512 -> 512
    -> relu, delta, delay -> Linear 512 -> 257 -> sigma = o;  mask = relu(1 + o)

delta sends the change of a once it reaches theta since what was sent last, sigma sums what came:
what a receiver knows is a held,

    h[t] = a[t] if |a[t] - h[t-1]| >= theta else h[t-1],

and a linear map of it. So sigma and delta between two layers are one function, whose gradient is
the identity's, as in the baseline. Messages are what changed: `messages` counts them.
Source: Intel, arXiv:2303.09503, and its repository; weights in training are multiples of 2/64 in
[-256, 254]/64, theta 0.1, delays at most 64 frames. The baseline's dense layers take a frame each
in Lava's pipeline; here all layers act in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class SdnnConfig:
    """The network's shape and the chip's numbers."""

    bins: int = 257
    hidden: int = 512
    theta: float = 0.1  # smallest change that is sent
    max_delay: float = 62.0  # frames; what the chip has
    weight_scale: int = 64  # integers a unit
    weight_step: int = 2  # Loihi's signed 8-bit weights are even


def _held(a: Tensor, before: Tensor, theta: float) -> Tensor:
    return torch.where((a - before).abs() >= theta, a, before)


class _Hold(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, theta: float) -> Tensor:
        held = torch.zeros_like(a[:, 0])
        frames = []
        for value in a.unbind(1):
            held = _held(value, held, theta)
            frames.append(held)
        return torch.stack(frames, dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class _Delayed(torch.autograd.Function):
    """x (B, L, N) by floor(delay) frames; d/d delay = x[t-1] - x[t], shifted likewise."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, delay: Tensor) -> Tensor:
        frames = torch.arange(x.shape[1], device=x.device)[:, None]
        source = frames - delay.floor().long()  # (L, N)
        ctx.save_for_backward(x, source)
        return _gathered(x, source)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, source = ctx.saved_tensors
        (gradient,) = gradients
        slope = _gathered(x, source - 1) - _gathered(x, source)
        back = torch.zeros_like(x)
        kept = gradient * (source >= 0)
        back.scatter_add_(1, source.clamp(min=0).expand_as(x), kept)
        return back, (gradient * slope).sum((0, 1))


def _gathered(x: Tensor, source: Tensor) -> Tensor:
    return x.gather(1, source.clamp(min=0).expand_as(x)) * (source >= 0)


def hold(a: Tensor, theta: float) -> Tensor:
    """What a receiver knows of a, (B, L, N) -> (B, L, N); straight-through gradient."""
    held: Tensor = _Hold.apply(a, theta)  # type: ignore[no-untyped-call]
    return held


def delayed(x: Tensor, delay: Tensor) -> Tensor:
    """x (B, L, N), each channel by its delay (N,) in frames, zeros before."""
    out: Tensor = _Delayed.apply(x, delay)  # type: ignore[no-untyped-call]
    return out


def messages(held: Tensor) -> Tensor:
    """Messages sent in each frame, (B, L, N) -> (B, L): the held values that changed."""
    before = functional.pad(held, (0, 0, 1, 0))[:, :-1]
    return (held != before).sum(-1)


class SdnnBaseline(nn.Module):
    """Features (B, L, bins) -> o (B, L, bins)."""

    def __init__(self, config: SdnnConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or SdnnConfig()
        sizes = (c.bins, c.hidden, c.hidden, c.bins)
        self.layers = nn.ModuleList(nn.Linear(m, n, bias=False) for m, n in pairwise(sizes))
        self.delays = nn.ParameterList(torch.zeros(c.hidden) for _ in range(2))

    def weight(self, layer: int) -> Tensor:
        """A layer's weights as the chip holds them; straight-through gradient."""
        c = self.config
        module = self.layers[layer]
        assert isinstance(module, nn.Linear)
        step = c.weight_step / c.weight_scale
        rounded = torch.round(module.weight / step).clamp(-128, 127) * step
        return module.weight + (rounded - module.weight).detach()

    def activities(self, features: Tensor) -> list[Tensor]:
        """What is held at the input and after both hidden layers, before their delays."""
        theta = self.config.theta
        heard = hold(features, theta)
        first = hold(torch.relu(functional.linear(heard, self.weight(0))), theta)
        inner = functional.linear(delayed(first, self._delay(0)), self.weight(1))
        return [heard, first, hold(torch.relu(inner), theta)]

    def _delay(self, number: int) -> Tensor:
        return self.delays[number].clamp(0.0, self.config.max_delay)

    def forward(self, features: Tensor) -> Tensor:
        last = self.activities(features)[-1]
        return functional.linear(delayed(last, self._delay(1)), self.weight(2))

    def step(
        self, features: Tensor, states: list[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """One frame (B, bins) and what the last call returned, or None at the start.

        States: what is held at the input, and the last held values of each hidden layer.
        """
        c, batch = self.config, len(features)
        depth = int(c.max_delay) + 1
        if states is None:
            states = [torch.zeros_like(features)]
            states += [features.new_zeros(batch, depth, c.hidden) for _ in self.delays]
        x = _held(features, states[0], c.theta)
        new = [x]
        for number, line in enumerate(states[1:]):
            a = torch.relu(functional.linear(x, self.weight(number)))
            line = torch.cat([_held(a, line[:, 0], c.theta)[:, None], line[:, :-1]], dim=1)
            new.append(line)
            late = self._delay(number).floor().long().expand(batch, 1, -1)
            x = line.gather(1, late)[:, 0]
        return functional.linear(x, self.weight(2)), new
