"""Flatten: joins the axes start_dim..end_dim of the per-step shape (no batch axis), in C order."""

from __future__ import annotations

from math import prod

import nir

from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.ir.clock import Clock
from neurodeploy.ir.graph import Linear, Shape, StepRule, stateless
from neurodeploy.ir.linear_map import LinearMap
from neurodeploy.primitives import PRIMITIVES, Role


class FlattenRule:
    role: Role = "map"

    def output_shape(self, node: nir.Flatten, shape: Shape, where: str) -> Shape:
        stated = (node.input_type or {}).get("input")
        if stated is not None and prod(int(n) for n in stated) != prod(shape):
            detail = f"states the input shape {tuple(int(n) for n in stated)}, {shape} arrives"
            raise VerificationError(Diagnostic(where, "shape", detail))
        start, end = (d + len(shape) if d < 0 else int(d) for d in (node.start_dim, node.end_dim))
        if not 0 <= start <= end < len(shape):
            if len(shape) == 1:
                return shape
            detail = f"axes {node.start_dim}..{node.end_dim} are not in {shape}"
            raise VerificationError(Diagnostic(where, "shape", detail))
        return (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])

    def interpret(self, node: nir.Flatten, shape: Shape, clock: Clock, where: str) -> StepRule:
        out = self.output_shape(node, shape, where)
        return stateless(lambda x: x.reshape(len(x), *out))

    def lower(self, node: nir.Flatten, shape: Shape, clock: Clock, where: str) -> Linear:
        return Linear(LinearMap("reshape", shape, self.output_shape(node, shape, where)))

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        return ((nir.Flatten({"input": (2, 3, 2)}, start_dim=0), (2, 3, 2)),)


PRIMITIVES.register("Flatten", FlattenRule())
