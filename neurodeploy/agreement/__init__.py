"""Do two stages compute the same network, and do two files hold the same one?"""

from __future__ import annotations

from neurodeploy.agreement.elements import Difference, difference
from neurodeploy.agreement.modules import compare_torch
from neurodeploy.agreement.networks import diff
from neurodeploy.agreement.road import Verification, examine, verify
from neurodeploy.agreement.stages import (
    Comparison,
    compare_integers,
    compare_rounding,
)

__all__ = [
    "Comparison",
    "Difference",
    "Verification",
    "compare_integers",
    "compare_rounding",
    "compare_torch",
    "diff",
    "difference",
    "examine",
    "verify",
]
