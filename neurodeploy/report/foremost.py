"""Which of many estimates a page shows in full: a chip, bare arithmetic, and one with memory."""

from __future__ import annotations

from typing import Final

from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.bench.results import Results

PREFERRED_CHIP: Final = "loihi1"
PRECISION: Final = "int8-acc32"


def foremost(results: Results, side: str = "snn") -> tuple[EnergyEstimate, ...]:
    """Priced estimates of a side: one spiking chip, 8-bit arithmetic, memory-aware."""
    priced = [e for e in results.energy if e.side == side and e.energy_j]
    chips = [e for e in priced if e.model == "device"]
    chip = next((e for e in chips if e.hardware == PREFERRED_CHIP), chips[0] if chips else None)
    bare = next((e for e in priced if e.precision == PRECISION), None)
    memory = next((e for e in priced if e.model == "memory-aware"), None)
    return tuple(e for e in (chip, bare, memory) if e is not None)


def place(estimate: EnergyEstimate) -> str:
    """ "cmos45nm, fp32"; a chip has its own arithmetic and needs no second word."""
    if estimate.precision in ("on-chip", "on-processor"):
        return estimate.hardware
    memory = " + memory" if estimate.model == "memory-aware" else ""
    return f"{estimate.hardware}, {estimate.precision}{memory}"
