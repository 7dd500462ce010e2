"""Which forms of the membrane error the rows of a population are rounded by."""

from __future__ import annotations

from math import prod

from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize.layer import Calibration
from neurodeploy.passes.quantize.membrane_error import PRODUCTS, MembraneError
from neurodeploy.passes.quantize.own_forms import own_forms
from neurodeploy.passes.quantize.shared_forms import shared_forms

LEAST_ROWS = 4  # steps per weight, below which no neuron gets a form of its own
SOLVING = 1e9  # weight rows times columns squared
LINEAR = (
    "cuba_lif",
    "refractory_lif",
    "soft_lif",
    "soft_lif_membrane",
    "soft_lif_message",
    "soft_lif_at_once",
    "soft_lif_at_once_membrane",
    "soft_lif_at_once_message",
    "integrator",
    "integrator_message",
)


def why_not(program: Program, name: str) -> str:
    """What keeps a population from calibrated rounding; nothing if that is empty."""
    neuron, incoming = program.neuron(name), program.incoming(name)
    if neuron.model not in LINEAR:
        return f"the membrane of {neuron.model} is not linear in its weights"
    shapes = [(len(s.weights), prod(s.weights.shape[1:])) for s in incoming if s.geometry]
    inputs = [s.weights.shape[1] for s in incoming if not s.geometry]
    for rows, columns in [*shapes, (neuron.size, sum(inputs))]:
        if rows * columns**2 > SOLVING:
            return f"{rows} rows of {columns} weights cost too much"
    return ""


def membrane_errors(
    program: Program, name: str, calibration: Calibration
) -> tuple[MembraneError, ...]:
    """The forms of a population that has no `why_not`; together they hold each weight once."""
    neuron, incoming = program.neuron(name), program.incoming(name)
    if not incoming:
        return ()
    if any(s.geometry for s in incoming):
        return tuple(form for s in incoming for form in shared_forms(neuron, (s,), calibration))
    columns = sum(s.weights.shape[1] for s in incoming)
    if neuron.size * LEAST_ROWS * columns**3 > PRODUCTS:
        return tuple(shared_forms(neuron, incoming, calibration))
    return (own_forms(neuron, incoming, calibration),)
