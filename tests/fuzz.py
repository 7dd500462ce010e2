"""How many random examples a test tries: half of all, or all where NEURODEPLOY_FUZZ is "full"."""

from __future__ import annotations

import os


def examples(every: int) -> int:
    """The number for hypothesis, of `every` that the full run tries."""
    return every if os.environ.get("NEURODEPLOY_FUZZ") == "full" else -(-every // 2)
