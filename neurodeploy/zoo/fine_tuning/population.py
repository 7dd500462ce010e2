"""A fixed population whose bias can be trained: a real bias that acts as the chip's integers do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.ir.arithmetic import BIAS_MANTISSA_MAX, MANTISSA_SHIFT
from neurodeploy.ir.program import Neuron
from neurodeploy.zoo.fine_tuning.fixed_step import Dynamics, FixedStep, Model, State
from neurodeploy.zoo.fine_tuning.rounding import floored, rounded

Array = np.ndarray[Any, np.dtype[Any]]


class FixedPopulation(nn.Module):
    """`neuron` is fixed; `real` is the real bias that it rounds, or None where only the integers
    are known. A population without any bias keeps none; one that a convolution gave its bias, the
    same all over a channel, keeps one a channel; one that is not `trained` keeps what it has."""

    def __init__(
        self, neuron: Neuron, real: Array | None, slope: float, trained: bool = True
    ) -> None:
        super().__init__()
        self.neuron, self.slope, self.trained = neuron, slope, trained
        self.unit = 2.0 ** int(neuron.params["bias_exp"])
        bias = np.broadcast_to(np.asarray(neuron.params["bias"]), neuron.shape)
        # beyond the symmetric range only where it is already: 13 bits hold one negative more
        self.low = min(-BIAS_MANTISSA_MAX, int(bias.min()))
        start = bias * self.unit / neuron.scale if real is None else real
        start = per_channel(np.broadcast_to(start, neuron.shape))
        self.bias = nn.Parameter(
            torch.tensor(start, dtype=torch.float64), requires_grad=trained and bool(np.any(bias))
        )

    def mantissas(self) -> Tensor:
        """The integers of the bias, of the population's shape."""
        integers = rounded(self.bias * (self.neuron.scale / self.unit))
        return integers.clamp(self.low, BIAS_MANTISSA_MAX).expand(self.neuron.shape)

    def start(self, batch: int) -> State:
        """u, v and s before the first step, `(batch, *shape)`."""
        zero = self.bias.new_zeros((batch, *self.neuron.shape))
        v = torch.as_tensor(self.neuron.params["v_init"], dtype=zero.dtype, device=zero.device)
        return zero, zero + v, zero

    def stepper(self) -> Any:
        """`(state, a) -> (state, message)` for one step."""
        dynamics = Dynamics.of(self.neuron, self.slope, self.bias.device)
        bias = self.mantissas() * self.unit

        def step(state: State, a: Tensor) -> tuple[State, Tensor]:
            after: State = FixedStep.apply(*state, a, bias, dynamics)  # type: ignore[no-untyped-call]
            return after, _sent(after, dynamics.model)

        return step

    @torch.no_grad()
    def to_neuron(self) -> Neuron:
        """The population with the bias of now."""
        bias = self.mantissas().cpu().numpy().astype(np.int64)
        return replace(self.neuron, params={**self.neuron.params, "bias": bias})

    @torch.no_grad()
    def real_bias(self) -> Array:
        """What the mantissas stand for in real units."""
        return self.mantissas().cpu().numpy() * (self.unit / self.neuron.scale)


def _sent(state: State, model: Model) -> Tensor:
    """Of (u, v, s); a message is v / 64 to the nearest, halves up."""
    _, v, spikes = state
    if model.sends == "message":
        return floored(v / (1 << MANTISSA_SHIFT) + 0.5)
    return v if model.sends == "v" else spikes


def per_channel(bias: Array) -> Array:
    """`(C, 1, ...)` where `(C, *spatial)` is the same all over each channel."""
    first = bias.reshape(len(bias), -1)[:, 0].reshape(-1, *[1] * (bias.ndim - 1))
    return first if bias.ndim > 1 and (bias == first).all() else bias
