"""Lava: Programs on Intel's own process models, on its bit-accurate CPU simulation.

`run` builds Lava processes for any fixed Program, or writes and loads a lava-dl netx file where
that format can say it. Lava is imported in a worker process of its own, never in the caller's.
"""

from __future__ import annotations

from neurodeploy.backends.lava.routes import available
from neurodeploy.backends.lava.session import Session
from neurodeploy.backends.lava.simulation import run

__all__ = ["Session", "available", "run"]
