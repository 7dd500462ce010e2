"""Affine y = W x + b, Linear y = W x, Scale y = s * x (elementwise)."""

from __future__ import annotations

from math import prod
from typing import Any

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, UnsupportedPrimitive, VerificationError
from neurodeploy.ir.clock import Clock
from neurodeploy.ir.graph import Linear, Shape, StepRule, stateless
from neurodeploy.ir.linear_map import LinearMap
from neurodeploy.primitives import PRIMITIVES, Role


def _matrix(node: Any, shape: Shape, where: str) -> np.ndarray[Any, Any]:
    weights = np.asarray(node.weight, dtype=np.float64)
    if weights.ndim != 2:
        raise UnsupportedPrimitive(
            Diagnostic(where, "matrix", f"weight has shape {weights.shape}, expected (out, in)")
        )
    if weights.shape[1] != prod(shape):
        detail = f"weight takes {weights.shape[1]} inputs, {prod(shape)} {shape} arrive"
        raise VerificationError(Diagnostic(where, "shape", detail))
    if len(shape) > 1 and shape[-1] != prod(shape):
        detail = f"input has shape {shape}, a matrix takes a vector"
        raise VerificationError(Diagnostic(where, "shape", detail, "put a Flatten before it"))
    return weights


class LinearRule:
    role: Role = "map"

    def output_shape(self, node: nir.Linear, shape: Shape, where: str) -> Shape:
        return (_matrix(node, shape, where).shape[0],)

    def interpret(self, node: nir.Linear, shape: Shape, clock: Clock, where: str) -> StepRule:
        weights = _matrix(node, shape, where)
        return stateless(lambda x: x.reshape(len(x), -1) @ weights.T)

    def lower(self, node: nir.Linear, shape: Shape, clock: Clock, where: str) -> Linear:
        weights = _matrix(node, shape, where)
        return Linear(LinearMap("dense", shape, (weights.shape[0],), weights))

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        return ((nir.Linear(np.array([[0.5, -1.0, 0.0], [2.0, 0.25, -0.125]])), (3,)),)


class AffineRule:
    role: Role = "map"

    def output_shape(self, node: nir.Affine, shape: Shape, where: str) -> Shape:
        rows = _matrix(node, shape, where).shape[0]
        if np.size(node.bias) not in (1, rows):
            detail = f"bias has shape {np.shape(node.bias)}, expected ({rows},)"
            raise VerificationError(Diagnostic(where, "shape", detail))
        return (rows,)

    def interpret(self, node: nir.Affine, shape: Shape, clock: Clock, where: str) -> StepRule:
        weights = _matrix(node, shape, where)
        bias = np.asarray(node.bias, dtype=np.float64).ravel()
        return stateless(lambda x: x.reshape(len(x), -1) @ weights.T + bias)

    def lower(self, node: nir.Affine, shape: Shape, clock: Clock, where: str) -> Linear:
        weights = _matrix(node, shape, where)
        out = (weights.shape[0],)
        bias = np.broadcast_to(np.asarray(node.bias, dtype=np.float64).ravel(), out)
        return Linear(LinearMap("dense", shape, out, weights), bias)

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        weights = np.array([[0.5, -1.0, 0.0], [2.0, 0.25, -0.125]])
        return ((nir.Affine(weights, np.array([0.1, -0.2])), (3,)),)


class ScaleRule:
    role: Role = "map"

    def output_shape(self, node: nir.Scale, shape: Shape, where: str) -> Shape:
        try:
            fits = np.broadcast_shapes(np.shape(node.scale), shape) == shape
        except ValueError:
            fits = False
        if not fits:
            detail = f"scale has shape {np.shape(node.scale)}, {shape} arrives"
            raise VerificationError(Diagnostic(where, "shape", detail))
        return shape

    def interpret(self, node: nir.Scale, shape: Shape, clock: Clock, where: str) -> StepRule:
        factor = np.asarray(node.scale, dtype=np.float64)
        return stateless(lambda x: x * factor)

    def lower(self, node: nir.Scale, shape: Shape, clock: Clock, where: str) -> Linear:
        factor = np.asarray(node.scale, dtype=np.float64)
        return Linear(LinearMap("scale", shape, shape, factor))

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        return ((nir.Scale(np.array([2.0, -0.5, 1.0])), (3,)),)


PRIMITIVES.register("Linear", LinearRule())
PRIMITIVES.register("Affine", AffineRule())
PRIMITIVES.register("Scale", ScaleRule())
