"""Hardware descriptions: limits and prices of a chip, each number with its source.

A file in `hw_configs/` is one chip or one process technology. A price that the file does not give
is unpriced: `Hardware.price` returns None for it, and nothing may take that for zero.
"""

from __future__ import annotations

from neurodeploy.hardware.files import list_hardware, load_hardware
from neurodeploy.hardware.quantities import (
    EVIDENCE,
    PRICES,
    Hardware,
    Quantity,
    weakest_evidence,
)

__all__ = [
    "EVIDENCE",
    "PRICES",
    "Hardware",
    "Quantity",
    "list_hardware",
    "load_hardware",
    "weakest_evidence",
]
