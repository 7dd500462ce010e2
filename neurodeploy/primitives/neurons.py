"""Neurons of NIR: a step of dt seconds, then a spike where v > v_threshold, then v = v_reset there.

LIF     tau dv/dt = (v_leak - v) + r x          v <- (1 - k) v + k (v_leak + r x)
IF      dv/dt = r x                             v <- v + r dt x
LI, I   the same without threshold; they send v
CubaLIF tau_syn dI/dt = -I + w_in x             I <- (1 - k_syn) I + k_syn w_in x
        tau_mem dv/dt = (v_leak - v) + r I      v <- (1 - k) v + k (v_leak + r I), with the new I,
                                                as snnTorch and Lava do
CubaLI  the same without threshold; it sends v
Threshold  sends 1 where x > threshold, no state
k = dt / tau (forward Euler) or 1 - exp(-dt / tau) (exact decay). v and I start at 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nir
import numpy as np

from neurodeploy.errors import Diagnostic, VerificationError
from neurodeploy.ir.clock import Clock
from neurodeploy.ir.graph import Array, Dynamics, Shape, State, StepRule, stateless
from neurodeploy.primitives import PRIMITIVES, Role


def _full(value: Any, shape: Shape) -> Array:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), shape)


def require_fit(key: str, value: Any, shape: Shape, where: str) -> None:
    """VerificationError unless `value` broadcasts to `shape`."""
    try:
        fits = np.broadcast_shapes(np.shape(value), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        detail = f"{key} has shape {np.shape(value)}, {shape} arrives"
        raise VerificationError(Diagnostic(where, "shape", detail))


@dataclass(frozen=True)
class _Constants:
    """I <- (1 - du) I + w x; v <- (1 - dv) v + r I + rest. Without a current I = x."""

    du: Array
    w: Array
    dv: Array
    r: Array
    rest: Array


class NeuronRule:
    """`leaks`: has tau (or tau_mem); `current`: has tau_syn and w_in; `fires`: has a threshold."""

    role: Role = "neuron"

    def __init__(self, kind: type[nir.NIRNode], leaks: bool, current: bool, fires: bool) -> None:
        self.kind, self.leaks, self.current, self.fires = kind, leaks, current, fires

    @property
    def _keys(self) -> tuple[str, ...]:
        keys = ["r"]
        keys += ["tau_syn", "tau_mem", "w_in"] if self.current else ["tau"] * self.leaks
        keys += ["v_leak"] * self.leaks
        return tuple(keys + ["v_threshold", "v_reset"] * self.fires)

    def output_shape(self, node: Any, shape: Shape, where: str) -> Shape:
        for key in self._keys:
            value = getattr(node, key, None)
            if value is not None:  # v_reset is optional
                require_fit(key, value, shape, where)
        return shape

    def _constants(self, node: Any, shape: Shape, clock: Clock, where: str) -> _Constants:
        def decay(key: str) -> Array:
            return clock.decay(_full(getattr(node, key), shape), f"{where}.{key}")

        du, w = np.ones(shape), np.ones(shape)
        if self.current:
            du = decay("tau_syn")
            w = _rounded_to_one(_full(node.w_in, shape) * du)
        if not self.leaks:
            r = _rounded_to_one(_full(node.r, shape) * clock.dt)
            return _Constants(du, w, np.zeros(shape), r, np.zeros(shape))
        dv = decay("tau_mem" if self.current else "tau")
        r = _rounded_to_one(_full(node.r, shape) * dv)
        return _Constants(du, w, dv, r, dv * _full(node.v_leak, shape))

    def _v_reset(self, node: Any, shape: Shape) -> Array:
        reset = getattr(node, "v_reset", None)
        return np.zeros(shape) if reset is None else _full(reset, shape)

    def interpret(self, node: Any, shape: Shape, clock: Clock, where: str) -> StepRule:
        c = self._constants(node, shape, clock, where)
        v_reset = self._v_reset(node, shape)

        def step(state: State, x: Array) -> tuple[State, Array]:
            new: dict[str, Array] = {}
            if self.current:
                x = new["u"] = (1 - c.du) * state["u"] + c.w * x
            v = (1 - c.dv) * state["v"] + c.r * x + c.rest
            if not self.fires:
                return new | {"v": v}, v
            spikes = v > node.v_threshold
            return new | {"v": np.where(spikes, v_reset, v)}, spikes.astype(np.float64)

        return StepRule(step, {key: np.zeros(shape) for key in "uv"[not self.current :]})

    def lower(self, node: Any, shape: Shape, clock: Clock, where: str) -> Dynamics:
        """On a voltage axis shifted by v_reset, so that the reset goes to 0."""
        c = self._constants(node, shape, clock, where)
        v_reset = self._v_reset(node, shape) if self.fires else np.zeros(shape)
        vth = _full(node.v_threshold, shape) - v_reset if self.fires else None
        gain = _rounded_to_one(c.w * c.r)
        return Dynamics(c.du, c.dv, gain, c.rest - c.dv * v_reset, vth, 0.0 - v_reset)

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        ones = np.ones(3)
        values: dict[str, Any] = {"r": 4.0 * ones}
        if self.current:
            values |= {"tau_syn": 2e-3 * ones, "tau_mem": 4e-3 * ones, "w_in": ones}
        elif self.leaks:
            values["tau"] = 4e-3 * ones
        else:
            values["r"] = 1e3 * ones
        if self.leaks:
            values["v_leak"] = 0.0 * ones
        if self.fires:
            values |= {"v_threshold": ones, "v_reset": 0.0 * ones}
        plain = (self.kind(**values), (3,))
        away = {key: value for key, value in (("v_leak", 0.25), ("v_reset", -0.5)) if key in values}
        if not away:
            return (plain,)
        return plain, (self.kind(**values | {k: v * ones for k, v in away.items()}), (3,))


def _rounded_to_one(gain: Array) -> Array:
    """A gain within two ulp of 1 is 1: r = tau / dt is how exporters write it."""
    return np.where(np.abs(gain - 1.0) <= 4.5e-16, 1.0, gain)


class ThresholdRule:
    role: Role = "neuron"

    def output_shape(self, node: nir.Threshold, shape: Shape, where: str) -> Shape:
        require_fit("threshold", node.threshold, shape, where)
        return shape

    def interpret(self, node: nir.Threshold, shape: Shape, clock: Clock, where: str) -> StepRule:
        return stateless(lambda x: (x > node.threshold).astype(np.float64))

    def lower(self, node: nir.Threshold, shape: Shape, clock: Clock, where: str) -> Dynamics:
        one, zero = np.ones(shape), np.zeros(shape)
        return Dynamics(one, one, one, zero, _full(node.threshold, shape), zero)

    def examples(self) -> tuple[tuple[nir.NIRNode, Shape], ...]:
        return ((nir.Threshold(np.full(3, 0.5)), (3,)),)


PRIMITIVES.register("I", NeuronRule(nir.I, leaks=False, current=False, fires=False))
PRIMITIVES.register("IF", NeuronRule(nir.IF, leaks=False, current=False, fires=True))
PRIMITIVES.register("LI", NeuronRule(nir.LI, leaks=True, current=False, fires=False))
PRIMITIVES.register("LIF", NeuronRule(nir.LIF, leaks=True, current=False, fires=True))
PRIMITIVES.register("CubaLI", NeuronRule(nir.CubaLI, leaks=True, current=True, fires=False))
PRIMITIVES.register("CubaLIF", NeuronRule(nir.CubaLIF, leaks=True, current=True, fires=True))
PRIMITIVES.register("Threshold", ThresholdRule())
