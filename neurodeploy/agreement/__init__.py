"""Do two stages compute the same network, and do two files hold the same one?"""

from __future__ import annotations

from neurodeploy.agreement.networks import diff
from neurodeploy.agreement.stages import (
    Difference,
    compare_integers,
    compare_rounding,
    compare_torch,
    difference,
    verify,
)

__all__ = [
    "Difference",
    "compare_integers",
    "compare_rounding",
    "compare_torch",
    "diff",
    "difference",
    "verify",
]
