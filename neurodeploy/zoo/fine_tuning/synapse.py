"""A fixed synapse whose weights can be trained: real weights w that arrive as the chip's integers.

    mantissa = step round(w f / step)    f: mantissas per real weight, step: what the bits resolve
    arriving = floor(2^weight_exp sum over inputs of mantissa x message)

Rounding passes gradients through. The mantissas keep to the range and the signs of the synapse.
A bias that enters a current as a synapse, the same all over a channel, keeps one a channel.
An elementwise synapse alone, such as the shorter branch of a residual join, is no layer's weights
and is not trained; several side by side are the taps of a depthwise kernel over time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurodeploy.ir.program import Program, Synapse
from neurodeploy.passes.quantize.weights import Mantissas, with_values
from neurodeploy.zoo.fine_tuning.population import per_channel
from neurodeploy.zoo.fine_tuning.rounding import floored, rounded

Array = np.ndarray[Any, np.dtype[Any]]


class FixedSynapse(nn.Module):
    """`synapse` is fixed; `real` are the real weights that it rounds, flat, or None where only the
    integers are known; `factor`: integers that arrive per real weight and message."""

    def __init__(
        self,
        synapse: Synapse,
        real: Array | None,
        factor: float,
        shape: tuple[int, ...],
        trained: bool,
    ) -> None:
        super().__init__()
        self.synapse, self.target_shape = synapse, shape
        mantissas = synapse.weight_values
        self.factor = factor / 2.0**synapse.weight_exp
        held = Mantissas.of(mantissas, synapse.num_weight_bits)
        # a file may hold a sign mode that its weights do not show: -256 alone is one of both signs
        low, high = int(mantissas.min(initial=0)), int(mantissas.max(initial=0))
        self.held = replace(held, low=min(held.low, low), high=max(held.high, high))
        self.trained = trained
        self.weight = self.parameter(mantissas / self.factor if real is None else real)
        if synapse.kind == "sparse":
            entries = synapse.weights.tocoo()
            places = np.stack([entries.row, entries.col]).astype(np.int64)
            self.register_buffer("places", torch.from_numpy(places))

    def parameter(self, real: Array) -> nn.Parameter:
        """What is trained, starting at these real weights, flat."""
        if self.synapse.kind == "dense" and self.synapse.weights.shape[1] == 1:
            real = per_channel(real.reshape(self.target_shape))
        return nn.Parameter(torch.tensor(real, dtype=torch.float64), requires_grad=self.trained)

    def mantissas(self) -> Tensor:
        """The integers of the synapse memory, flat."""
        steps = rounded(self.weight * self.factor / self.held.step)
        held = (steps * self.held.step).clamp(self.held.low, self.held.high)
        return held.expand(self.target_shape).flatten() if held.ndim > 1 else held

    @torch.no_grad()
    def confine(self) -> None:
        """Brings weights beyond the range back to its ends, so that they do not drift from it."""
        self.weight.clamp_(self.held.low / self.factor, self.held.high / self.factor)

    def deliver(self, mantissas: Tensor, messages: Tensor) -> Tensor:
        """What arrives: messages `(M, *source)` to `(M, *target)`, integers in float64."""
        total = rounded(self._product(mantissas, messages))
        exponent = self.synapse.weight_exp
        return total * 2.0**exponent if exponent >= 0 else floored(total * 2.0**exponent)

    def _product(self, mantissas: Tensor, x: Tensor) -> Tensor:
        synapse = self.synapse
        if synapse.kind in ("conv1d", "conv2d"):
            g = synapse.geometry
            assert g is not None
            kernel = mantissas.reshape(synapse.weights.shape)
            conv: Any = functional.conv1d if synapse.kind == "conv1d" else functional.conv2d
            arrived: Tensor = conv(x, kernel, None, g.stride, g.padding, g.dilation, g.groups)
            return arrived
        flat, shape = x.flatten(1), tuple(synapse.weights.shape)
        if synapse.kind == "sparse":
            places = self.get_buffer("places")
            matrix = torch.sparse_coo_tensor(places, mantissas, shape, check_invariants=False)
            out = torch.sparse.mm(matrix, flat.T).T
        else:
            out = functional.linear(flat, mantissas.reshape(shape))
        return out.reshape(len(x), *self.target_shape)

    @torch.no_grad()
    def to_synapse(self) -> Synapse:
        """The synapse with the mantissas of now."""
        integers = self.mantissas().cpu().numpy().astype(np.int32)
        return replace(self.synapse, weights=with_values(self.synapse, integers))

    @torch.no_grad()
    def real_weights(self) -> Array:
        """What the mantissas stand for in real units, flat."""
        return self.mantissas().cpu().numpy() / self.factor


def layers(program: Program) -> frozenset[str]:
    """Names of the synapses that hold the weights of a layer."""
    alone = [s for s in program.synapses if is_elementwise(s)]
    sides = Counter((s.source, s.target) for s in alone)
    joins = {s.name for s in alone if sides[s.source, s.target] == 1}
    return frozenset(s.name for s in program.synapses) - joins


def is_elementwise(synapse: Synapse) -> bool:
    """Whether each neuron reads its like and no other."""
    if synapse.kind != "sparse" or synapse.weights.shape[0] != synapse.weights.shape[1]:
        return False
    entries = synapse.weights.tocoo()
    return bool(np.array_equal(entries.row, entries.col))
