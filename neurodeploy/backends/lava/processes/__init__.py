"""Lava processes of ours, and Lava's own models with recording. Import after `compat.import_lava`.

They have a folder to themselves because Lava executes every module beside a process's own file
when it looks for process models.
"""

from __future__ import annotations

from neurodeploy.backends.lava.processes.neurons import Integrator, IntegratorMessage, ProfiledLIF
from neurodeploy.backends.lava.processes.resets import (
    RefractoryLIF,
    SoftLIF,
    SoftLIFAtOnce,
    SoftLIFAtOnceMembrane,
    SoftLIFAtOnceMessage,
    SoftLIFMembrane,
    SoftLIFMessage,
)
from neurodeploy.backends.lava.processes.s4d import S4D
from neurodeploy.backends.lava.processes.synapses import DelayConv

__all__ = [
    "S4D",
    "DelayConv",
    "Integrator",
    "IntegratorMessage",
    "ProfiledLIF",
    "RefractoryLIF",
    "SoftLIF",
    "SoftLIFAtOnce",
    "SoftLIFAtOnceMembrane",
    "SoftLIFAtOnceMessage",
    "SoftLIFMembrane",
    "SoftLIFMessage",
]
