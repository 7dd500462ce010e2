"""Neurons of NIR under forward Euler with step dt (s); spikes after the update, v > v_threshold.

LIF     tau dv/dt = (v_leak - v) + r x          v += dt/tau (v_leak - v + r x)
IF      dv/dt = r x                             v += r dt x
LI, I   the same without threshold
CubaLIF tau_syn dI/dt = -I + w_in x; tau_mem dv/dt = (v_leak - v) + r I, I updated before v, as
        snnTorch and Lava do
CubaLI  the same without threshold
Threshold  spikes where x > threshold, no state
A reset to v_reset is a reset to 0 on a voltage axis that is shifted by it.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from neurodeploy.errors import ConfigError, Diagnostic, VerificationError
from neurodeploy.ir.graph import Array, Dynamics, Shape
from neurodeploy.primitives import PRIMITIVES


def _full(value: Any, shape: Shape) -> Array:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), shape)


def _require_fit(key: str, value: Any, shape: Shape, where: str) -> None:
    """VerificationError unless `value` broadcasts to `shape`."""
    try:
        fits = np.broadcast_shapes(np.shape(value), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        detail = f"{key} has shape {np.shape(value)}, {shape} arrives"
        raise VerificationError(Diagnostic(where, "shape", detail))


def _decay(node: Any, key: str, shape: Shape, dt: float, where: str) -> Array:
    """dt / tau, which Euler needs in (0, 1]. ConfigError for a dt longer than tau."""
    tau = _full(getattr(node, key), shape)
    if np.any(tau <= 0):
        raise VerificationError(Diagnostic(f"{where}.{key}", "positive", f"{tau.min():g} s"))
    decay = dt / tau
    # 1 ulp of slack: tau = dt / (1 - beta) is how exporters write beta = 0
    if np.any(decay > 1 + 1e-6):
        detail = f"dt = {dt:g} s is longer than {key} = {tau.min():g} s: Euler would overshoot"
        raise ConfigError(Diagnostic(where, "dt", detail, "give the dt that the network assumes"))
    return np.minimum(decay, 1.0)


class NeuronRule:
    """`leaks`: has tau (or tau_mem); `current`: has tau_syn and w_in; `fires`: has a threshold."""

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
                _require_fit(key, value, shape, where)
        return shape

    def lower(self, node: Any, shape: Shape, dt: float, where: str) -> Dynamics:
        r, one, zero = _full(node.r, shape), np.ones(shape), np.zeros(shape)
        du, gain = one, one
        if self.current:
            du = _decay(node, "tau_syn", shape, dt, where)
            gain = _full(node.w_in, shape) * dt / _full(node.tau_syn, shape)
        if self.leaks:
            dv = _decay(node, "tau_mem" if self.current else "tau", shape, dt, where)
            gain = gain * (r * dt / _full(node.tau_mem if self.current else node.tau, shape))
        else:
            dv, gain = zero, gain * (r * dt)
        gain = _rounded_to_one(gain)
        v_leak = _full(node.v_leak, shape) if self.leaks else zero
        reset = getattr(node, "v_reset", None) if self.fires else None
        v_reset = zero if reset is None else _full(reset, shape)
        bias = dv * (v_leak - v_reset) if self.leaks else zero
        vth = _full(node.v_threshold, shape) - v_reset if self.fires else None
        return Dynamics(du, dv, gain, bias, vth, zero - v_reset)

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
    def output_shape(self, node: nir.Threshold, shape: Shape, where: str) -> Shape:
        _require_fit("threshold", node.threshold, shape, where)
        return shape

    def lower(self, node: nir.Threshold, shape: Shape, dt: float, where: str) -> Dynamics:
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
