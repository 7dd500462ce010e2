"""The classes that take all steps at once. They keep no state between calls."""

from __future__ import annotations

import snntorch
from snntorch._neurons.associative import AssociativeLeaky

from neurodeploy.frontends.snntorch.cells import CELLS, Refusal

CELLS.register(
    "LeakyParallel",
    Refusal(
        snntorch.LeakyParallel,
        "its membrane is a RNN with ReLU, which NIR lacks, over all steps at once",
        "use Linear and Leaky(reset_mechanism='none') and retrain",
    ),
)
CELLS.register(
    "StateLeaky",
    Refusal(
        snntorch.StateLeaky,
        "convolves all steps at once",
        "use Leaky(beta=exp(-1 / tau), reset_mechanism='none') once a step: the same membrane",
    ),
)
CELLS.register(
    "LinearLeaky",
    Refusal(
        snntorch.LinearLeaky,
        "convolves all steps at once",
        "use Linear and Leaky(beta=exp(-1 / tau), reset_mechanism='none') once a step: the same "
        "membrane",
    ),
)
CELLS.register(
    "AssociativeLeaky",
    Refusal(
        AssociativeLeaky,
        "multiplies signals with one another, which NIR can't",
        "use Linear layers and Leaky and retrain",
    ),
)
