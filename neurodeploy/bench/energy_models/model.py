"""What an energy model is, and where models register."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from neurodeploy.bench.energy_models.work import Work
from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.hardware import Hardware
from neurodeploy.registry import Registry


class EnergyModel(Protocol):
    """text: what it counts and by which formula, for the methods paragraph."""

    text: str

    def __call__(self, work: Work, hardware: Hardware) -> Iterator[EnergyEstimate]:
        """Estimates per inference; none for hardware or a side that the model says nothing of."""


ENERGY_MODELS: Final[Registry[EnergyModel]] = Registry(
    "energy model", "neurodeploy.bench.energy_models"
)
