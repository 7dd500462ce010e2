"""Program to neuro-cores: tiles, cores and seats in `program`; `fit` says what would help."""

from neurodeploy.passes.place.fit import Fit, fit, place
from neurodeploy.passes.place.load import (
    CoreLoad,
    Load,
    core_loads,
    message_rates,
    saved_rates,
    sending,
)

__all__ = [
    "CoreLoad",
    "Fit",
    "Load",
    "core_loads",
    "fit",
    "message_rates",
    "place",
    "saved_rates",
    "sending",
]
