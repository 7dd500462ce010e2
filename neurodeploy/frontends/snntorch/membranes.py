"""NIR's neuron nodes from the factors of a step, so that forward Euler at dt gives them back.

LI, LIF       v = decay v + gain x + bias     bias = dt / tau v_leak
CubaLI(F)     i = syn_decay i + x;  v = decay v + i
A node has one value per neuron for each of its parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nir
import numpy as np

from neurodeploy.frontends.tracer.time_constants import integrating, leaky

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Membrane:
    """v = decay v + gain x + bias, one value per neuron; decay is in [0, 1]."""

    decay: Array
    gain: Array | None = None
    bias: Array | None = None

    def integrator(self, dt: float) -> nir.NIRNode:
        """LI; I if nothing leaks."""
        if self._perfect:
            return nir.I(r=self._scaled(integrating(self.decay.shape, dt)))
        return nir.LI(**self._leaky(dt))

    def spiking(self, threshold: Array, dt: float) -> nir.NIRNode:
        """LIF that resets to 0 in the step of its spike; IF if nothing leaks."""
        fires = {"v_threshold": threshold, "v_reset": np.zeros_like(threshold)}
        if self._perfect:
            return nir.IF(r=self._scaled(integrating(self.decay.shape, dt)), **fires)
        return nir.LIF(**self._leaky(dt), **fires)

    @property
    def _perfect(self) -> bool:
        return bool(np.all(self.decay == 1.0)) and self.bias is None

    def _leaky(self, dt: float) -> dict[str, Array]:
        tau, r = leaky(self.decay, dt)
        v_leak = np.zeros_like(tau) if self.bias is None else self.bias * r
        return {"tau": tau, "r": self._scaled(r), "v_leak": v_leak}

    def _scaled(self, r: Array) -> Array:
        return r if self.gain is None else r * self.gain


def with_current(syn_decay: Array, decay: Array, dt: float, threshold: Array | None) -> nir.NIRNode:
    """CubaLI, or CubaLIF that resets to 0 if there is a threshold."""
    tau_mem, r = leaky(decay, dt)
    tau_syn, w_in = leaky(syn_decay, dt)
    zero = np.zeros_like(decay)
    values = {"tau_mem": tau_mem, "tau_syn": tau_syn, "r": r, "v_leak": zero, "w_in": w_in}
    if threshold is None:
        return nir.CubaLI(**values)
    return nir.CubaLIF(**values, v_threshold=threshold, v_reset=zero)
