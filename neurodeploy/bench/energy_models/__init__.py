"""Energy models, one file each: what a count costs. `ENERGY_MODELS` is filled from this folder.

A model takes some kinds of hardware and turns the work of one side into estimates; it adds nothing
to an all-in price, and lists what it cannot price instead of taking it for zero.
"""

from __future__ import annotations

from neurodeploy.bench.energy_models.model import ENERGY_MODELS, EnergyModel
from neurodeploy.bench.energy_models.work import Layer, Traffic, Work, ann_work

__all__ = ["ENERGY_MODELS", "EnergyModel", "Layer", "Traffic", "Work", "ann_work"]
