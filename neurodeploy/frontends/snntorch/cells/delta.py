"""DeltaLeaky: fires where its membrane changes by more than delta_threshold."""

from __future__ import annotations

import snntorch

from neurodeploy.frontends.snntorch.cells import CELLS, Refusal

CELLS.register(
    "DeltaLeaky",
    Refusal(
        snntorch.DeltaLeaky,
        "it fires on the size of its membrane's change, and returns its states as a pair",
        "use Leaky and retrain",
    ),
)
