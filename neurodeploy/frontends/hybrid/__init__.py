"""Cuts a module of one step into parts for the chip and for the host, each with its reasons."""

from neurodeploy.frontends.hybrid.cutting import ChipRegion, Cut, HostRegion, cut
from neurodeploy.frontends.hybrid.running import Region, run_module, run_region
from neurodeploy.frontends.hybrid.saving import fingerprint, rebuilt, weights_of
from neurodeploy.frontends.hybrid.stepping import trace_step

__all__ = [
    "ChipRegion",
    "Cut",
    "HostRegion",
    "Region",
    "cut",
    "fingerprint",
    "rebuilt",
    "run_module",
    "run_region",
    "trace_step",
    "weights_of",
]
