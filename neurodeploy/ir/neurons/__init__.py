"""Neuron models: one file holds everything that is true of one model.

The registry `NEURON_MODELS` maps the name in a Program to its model.
"""

from __future__ import annotations

from neurodeploy.ir.neurons.model import (
    NEURON_MODELS,
    Constants,
    Cost,
    NeuronModel,
    Parameter,
    Update,
    fixed_update,
    integers,
)

__all__ = [
    "NEURON_MODELS",
    "Constants",
    "Cost",
    "NeuronModel",
    "Parameter",
    "Update",
    "fixed_update",
    "integers",
]
