"""Delay: y(t) = x(t - delay), seconds; here a whole number of steps, one value per node."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, UnsupportedPrimitive, VerificationError
from neurodeploy.ir.graph import Linear, Shape
from neurodeploy.ir.linear_map import LinearMap
from neurodeploy.primitives import PRIMITIVES


class DelayRule:
    def output_shape(self, node: Any, shape: Shape, where: str) -> Shape:
        return shape

    def lower(self, node: Any, shape: Shape, dt: float, where: str) -> Linear:
        steps = np.asarray(node.delay, dtype=np.float64) / dt
        if steps.size == 0 or steps.min() < 0:
            raise VerificationError(Diagnostic(where, "delay", "a delay is negative or missing"))
        if np.any(np.abs(steps - np.rint(steps)) > 1e-6):
            detail = f"{float(np.max(node.delay)):g} s is no whole number of steps of {dt:g} s"
            raise UnsupportedPrimitive(Diagnostic(where, "delay", detail, "choose another dt"))
        if np.ptp(steps) > 1e-6:
            detail = f"delays of {steps.min():g} to {steps.max():g} steps in one node"
            hint = "split it into one Delay per value"
            raise UnsupportedPrimitive(Diagnostic(where, "delay", detail, hint))
        one = LinearMap("reshape", shape, shape)
        return Linear(one, delay=int(np.rint(steps.flat[0])))

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        return ((nir.Delay(np.full(3, 2e-3)), (3,)),)


PRIMITIVES.register("Delay", DelayRule())
