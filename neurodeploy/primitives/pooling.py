"""SumPool2d and AvgPool2d: a depthwise convolution with ones, or with 1 / (kH kW).

Zero padding counts in the average, as torch's count_include_pad=True does.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.ir.clock import Clock
from neurodeploy.ir.graph import Linear, Shape, StepRule, stateless
from neurodeploy.ir.linear_map import LinearMap
from neurodeploy.ir.program import ConvGeometry
from neurodeploy.ir.synapses import conv_output_shape
from neurodeploy.primitives import PRIMITIVES, Role
from neurodeploy.primitives.convolution import check_window, per_axis


class PoolRule:
    role: Role = "map"

    def __init__(self, average: bool) -> None:
        self.average = average

    def _map(self, node: Any, shape: Shape, where: str) -> LinearMap:
        if len(shape) != 3:
            raise VerificationError(
                Diagnostic(where, "shape", f"{shape} arrives, expected (C, H, W)")
            )
        size = per_axis(node, "kernel_size", 2, 1, where)
        stride = per_axis(node, "stride", 2, 1, where)
        padding = per_axis(node, "padding", 2, 0, where)
        geometry = ConvGeometry(stride, padding, (1, 1), groups=shape[0])
        check_window(shape, size, geometry, where)
        value = 1.0 / (size[0] * size[1]) if self.average else 1.0
        weights = np.full((shape[0], 1, *size), value)
        out = conv_output_shape(shape, weights.shape, geometry)
        return LinearMap("conv2d", shape, out, weights, geometry)

    def output_shape(self, node: Any, shape: Shape, where: str) -> Shape:
        return self._map(node, shape, where).out_shape

    def interpret(self, node: Any, shape: Shape, clock: Clock, where: str) -> StepRule:
        return stateless(self._map(node, shape, where).apply)

    def lower(self, node: Any, shape: Shape, clock: Clock, where: str) -> Linear:
        return Linear(self._map(node, shape, where))

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        kind = nir.AvgPool2d if self.average else nir.SumPool2d
        two, none = np.array([2, 2]), np.array([0, 0])
        return ((kind(kernel_size=two, stride=two, padding=none), (2, 4, 6)),)


PRIMITIVES.register("AvgPool2d", PoolRule(average=True))
PRIMITIVES.register("SumPool2d", PoolRule(average=False))
