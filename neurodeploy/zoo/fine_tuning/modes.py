"""A fixed `s4d` population to train through: its integers forwards, its linear map backwards.

Its own coefficients stay what the compiler chose; gradients pass through it to what comes before.
Integers live in float64, exactly: products are below 2^46 (ir.neurons.s4d).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, STATE_LIMIT
from neurodeploy.ir.neurons.s4d import FRACTION_BITS, OUTPUT_SHIFT
from neurodeploy.ir.program import Neuron
from neurodeploy.zoo.fine_tuning.fixed_step import State
from neurodeploy.zoo.fine_tuning.rounding import floored

COEFFICIENTS = ("a_re", "a_im", "c_re", "c_im")


class FixedModes(nn.Module):
    """`neuron` is a fixed population of model s4d."""

    def __init__(self, neuron: Neuron) -> None:
        super().__init__()
        self.neuron = neuron
        for key in COEFFICIENTS:
            values = torch.as_tensor(neuron.params[key], dtype=torch.float64)
            self.register_buffer(key, values.expand(neuron.shape).clone())

    def start(self, batch: int) -> State:
        """re, im and y before the first step, `(batch, *shape)`."""
        zero = self.get_buffer("a_re").new_zeros((batch, *self.neuron.shape))
        return zero, zero, zero

    def stepper(self) -> Any:
        """`(state, a) -> (state, message)` for one step."""
        a_re, a_im, c_re, c_im = (self.get_buffer(key) for key in COEFFICIENTS)

        def step(state: State, a: Tensor) -> tuple[State, Tensor]:
            re, im, _ = state
            turned = _nearest(a_re * re - a_im * im, FRACTION_BITS)
            new_im = _clipped(_nearest(a_im * re + a_re * im, FRACTION_BITS))
            new_re = _clipped(turned + a * (1 << MANTISSA_SHIFT))
            y = _nearest(c_re * new_re - c_im * new_im, OUTPUT_SHIFT)
            return (new_re, new_im, y), y

        return step

    def to_neuron(self) -> Neuron:
        """The population, as it was."""
        return self.neuron


def _nearest(x: Tensor, bits: int) -> Tensor:
    return floored(x * 2.0**-bits + 0.5)


def _clipped(x: Tensor) -> Tensor:
    return x + (x.clamp(1 - STATE_LIMIT, STATE_LIMIT - 1) - x).detach()
