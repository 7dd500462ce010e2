"""Delay: y(t) = x(t - delay), seconds; here a whole number of steps, for all elements or for each.

Before its delay has passed it sends 0.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from neurodeploy.errors import ConfigError, Diagnostic, VerificationError
from neurodeploy.ir.clock import Clock
from neurodeploy.ir.graph import Array, Linear, Shape, State, StepRule
from neurodeploy.ir.linear_map import LinearMap
from neurodeploy.primitives import PRIMITIVES, Role
from neurodeploy.primitives.neurons import require_fit


def _steps(node: Any, shape: Shape, clock: Clock, where: str) -> Array:
    """The delay of every element, `(*shape)`, int64."""
    delay = np.broadcast_to(np.asarray(node.delay, dtype=np.float64), shape)
    steps = np.rint(delay / clock.dt)
    odd = (np.abs(delay / clock.dt - steps) > 1e-6) | ((delay > 0) & (steps < 1))
    if odd.any():
        detail = f"{float(delay[odd][0]):g} s is no whole number of steps of {clock.dt:g} s"
        raise ConfigError(Diagnostic(where, "delay", detail, "choose another dt"))
    return steps.astype(np.int64)


class DelayRule:
    role: Role = "delay"

    def output_shape(self, node: Any, shape: Shape, where: str) -> Shape:
        require_fit("delay", node.delay, shape, where)
        if np.size(node.delay) == 0 or np.min(node.delay) < 0:
            raise VerificationError(Diagnostic(where, "delay", "a delay is negative or missing"))
        return shape

    def interpret(self, node: Any, shape: Shape, clock: Clock, where: str) -> StepRule:
        """`state["past"]`: the inputs of the last steps, newest first, `(B, steps, *shape)`."""
        steps = _steps(node, shape, clock, where)
        # a Delay of a step or more is given the input of the step before: see `ir.interpreter`
        behind = steps - 1 if steps.min(initial=1) >= 1 else steps
        longest = int(behind.max(initial=0)) + 1

        def step(state: State, x: Array) -> tuple[State, Array]:
            past = np.concatenate([x[:, None], state["past"]], axis=1)[:, :longest]
            return {"past": past}, np.take_along_axis(past, behind[None, None], axis=1)[:, 0]

        return StepRule(step, {"past": np.zeros((longest, *shape))})

    def lower(self, node: Any, shape: Shape, clock: Clock, where: str) -> Linear:
        return Linear(LinearMap("reshape", shape, shape), delay=_steps(node, shape, clock, where))

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        each = nir.Delay(np.array([0.0, 1e-3, 3e-3]))
        return (nir.Delay(np.full(3, 2e-3)), (3,)), (each, (3,))


PRIMITIVES.register("Delay", DelayRule())
