"""NIR's nodes as torch modules in float64, for nirtorch, which wires and runs them.

A module with a state takes and returns it; nirtorch hands it on from step to step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nir
import numpy as np
import torch
from torch import nn


class Step(nn.Module):
    """A neuron by its equation: `update(state, x)` is the new state and what it sends."""

    def __init__(self, update: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        super().__init__()
        self.update = update

    def forward(self, x: Any, state: Any = None) -> Any:
        state, sent = self.update(state, x)
        return sent, state


class Map(nn.Module):
    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


def plain(value: Any) -> Any:
    """As torch takes it: a word, a number or a tuple."""
    return value if isinstance(value, str) else np.asarray(value).tolist()


def modules(dt: float) -> dict[Any, Callable[[Any], nn.Module]]:
    """For each type of a node, what builds its module."""

    def values(node: Any, *keys: str) -> list[Any]:
        return [torch.from_numpy(np.asarray(getattr(node, key), dtype=float)) for key in keys]

    def relaxed(v: Any, towards: Any, tau: Any) -> Any:
        return v + dt / tau * (towards - v)

    def fired(node: Any, v: Any) -> Any:
        threshold, reset = values(node, "v_threshold", "v_reset")
        spikes = (v > threshold).double()
        return torch.where(spikes > 0, reset, v), spikes

    def li(node: nir.LI) -> nn.Module:
        tau, r, leak = values(node, "tau", "r", "v_leak")

        def update(v: Any, x: Any) -> Any:
            v = relaxed(torch.zeros_like(x) if v is None else v, leak + r * x, tau)
            return v, v

        return Step(update)

    def lif(node: nir.LIF) -> nn.Module:
        tau, r, leak = values(node, "tau", "r", "v_leak")
        return Step(
            lambda v, x: fired(
                node, relaxed(torch.zeros_like(x) if v is None else v, leak + r * x, tau)
            )
        )

    def cuba(node: nir.CubaLIF | nir.CubaLI) -> nn.Module:
        syn, mem, r, leak, w = values(node, "tau_syn", "tau_mem", "r", "v_leak", "w_in")

        def update(state: Any, x: Any) -> Any:
            u, v = (torch.zeros_like(x),) * 2 if state is None else state
            u = relaxed(u, w * x, syn)
            v = relaxed(v, leak + r * u, mem)
            v, sent = fired(node, v) if isinstance(node, nir.CubaLIF) else (v, v)
            return (u, v), sent

        return Step(update)

    def integrator(node: nir.IF | nir.I) -> nn.Module:
        (r,) = values(node, "r")

        def update(v: Any, x: Any) -> Any:
            v = (0 if v is None else v) + dt * r * x
            return fired(node, v) if isinstance(node, nir.IF) else (v, v)

        return Step(update)

    def delay(node: nir.Delay) -> nn.Module:
        (seconds,) = values(node, "delay")
        steps = int(torch.round(seconds.max() / dt))

        def update(past: Any, x: Any) -> Any:
            past = [*([torch.zeros_like(x)] * steps if past is None else past), x]
            return past[1:], past[0]

        return Step(update)

    def conv(node: Any) -> nn.Module:
        function = nn.functional.conv1d if isinstance(node, nir.Conv1d) else nn.functional.conv2d
        weight, bias = values(node, "weight", "bias")
        options = [plain(getattr(node, key)) for key in ("stride", "padding", "dilation")]
        return Map(lambda x: function(x, weight, bias, *options, int(node.groups)))

    def dense(node: Any) -> nn.Module:
        (weight,) = values(node, "weight")
        bias = values(node, "bias")[0] if isinstance(node, nir.Affine) else 0.0
        return Map(lambda x: x @ weight.T + bias)

    def flatten(node: nir.Flatten) -> nn.Module:
        # torch counts the batch axis
        start, end = (d + (d >= 0) for d in (node.start_dim, node.end_dim))
        return Map(lambda x: torch.flatten(x, start, end))

    def pool(node: Any) -> nn.Module:
        sizes = [tuple(int(n) for n in a) for a in (node.kernel_size, node.stride, node.padding)]
        divisor = 1 if isinstance(node, nir.SumPool2d) else None
        return Map(lambda x: nn.functional.avg_pool2d(x, *sizes, divisor_override=divisor))

    return {
        nir.LI: li,
        nir.LIF: lif,
        nir.CubaLI: cuba,
        nir.CubaLIF: cuba,
        nir.I: integrator,
        nir.IF: integrator,
        nir.Threshold: lambda n: Map(lambda x: (x > values(n, "threshold")[0]).double()),
        nir.Scale: lambda n: Map(lambda x: x * values(n, "scale")[0]),
        nir.Delay: delay,
        nir.Conv1d: conv,
        nir.Conv2d: conv,
        nir.Affine: dense,
        nir.Linear: dense,
        nir.Flatten: flatten,
        nir.SumPool2d: pool,
        nir.AvgPool2d: pool,
    }
