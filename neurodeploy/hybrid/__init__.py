"""Networks in parts, some on the chip and some on the host; see docs/hybrid.md."""

from neurodeploy.hybrid.compiling import compile_hybrid, cut
from neurodeploy.hybrid.files import read_hybrid, write_hybrid
from neurodeploy.hybrid.program import ChipPart, HostPart, HybridProgram
from neurodeploy.hybrid.running import Crossing, HybridTrace, run_hybrid
from neurodeploy.hybrid.streaming import HybridStream

__all__ = [
    "ChipPart",
    "Crossing",
    "HostPart",
    "HybridProgram",
    "HybridStream",
    "HybridTrace",
    "compile_hybrid",
    "cut",
    "read_hybrid",
    "run_hybrid",
    "write_hybrid",
]
