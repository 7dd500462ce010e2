"""Clock: the time step, and by how much a time constant decays within it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, get_args

import numpy as np

from neurodeploy.errors import ConfigError, Diagnostic, VerificationError

Array = np.ndarray[Any, np.dtype[Any]]
Discretisation = Literal["forward_euler", "exact_decay"]
DISCRETISATIONS: tuple[Discretisation, ...] = get_args(Discretisation)


def check_dt(dt: object) -> float:
    """dt as a float; ConfigError unless it is a finite positive number of seconds."""
    if isinstance(dt, bool) or not isinstance(dt, int | float | np.floating | np.integer):
        raise ConfigError(Diagnostic("dt", "number", f"{dt!r} is not a number of seconds"))
    if not isfinite(dt) or dt <= 0:
        raise ConfigError(Diagnostic("dt", "positive", f"{dt!r} s is not a positive finite time"))
    return float(dt)


def check_discretisation(word: object) -> Discretisation:
    """The word; ConfigError if it is none of `DISCRETISATIONS`."""
    for known in DISCRETISATIONS:
        if word == known:
            return known
    detail = f"{word!r} is unknown; known: {', '.join(DISCRETISATIONS)}"
    raise ConfigError(Diagnostic("discretisation", "name", detail))


@dataclass(frozen=True)
class Clock:
    """A step of dt seconds. Per step, tau dy/dt = x - y moves y to y + decay (x - y):

    forward_euler  decay = dt / tau
    exact_decay    decay = 1 - exp(-dt / tau), exact for an x that is held over the step
    """

    dt: float
    discretisation: Discretisation = "forward_euler"

    def decay(self, tau: Array, where: str) -> Array:
        """VerificationError for a tau that is not positive; ConfigError where Euler overshoots."""
        if np.any(tau <= 0):
            raise VerificationError(Diagnostic(where, "positive", f"{tau.min():g} s"))
        if self.discretisation == "exact_decay":
            return -np.expm1(-self.dt / tau)
        decay = self.dt / tau
        # 1 ulp of slack: tau = dt / (1 - beta) is how exporters write beta = 0
        if np.any(decay > 1 + 1e-6):
            node, _, key = where.rpartition(".")
            detail = f"dt = {self.dt:g} s is longer than {key} = {tau.min():g} s"
            hint = "give the dt that the network assumes"
            raise ConfigError(Diagnostic(node, "dt", f"{detail}: Euler would overshoot", hint))
        return np.minimum(decay, 1.0)
