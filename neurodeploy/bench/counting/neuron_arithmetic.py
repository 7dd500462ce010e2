"""What one update of one neuron costs, by its model's equations rather than by their code.

A constant gain on the input folds into the weights before it, as it does in a Program; a reset by
subtraction is one addition, a reset to zero none. Frameworks' classes are known by name: none of
them is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from neurodeploy.bench.counting.arithmetic import Arithmetic


@dataclass(frozen=True)
class NeuronArithmetic:
    """Per update: operations and states, each read once and written once.

    leading: axes of the output before those of the neurons (2 for a layer that takes all steps);
    inner: its forward() multiplies weights itself, which are counted beside the update.
    """

    model: str
    multiplies: int
    adds: int
    compares: int
    states: int
    leading: int = 1
    inner: bool = False

    @cached_property
    def arithmetic(self) -> Arithmetic:
        """Without the states' traffic."""
        return Arithmetic(self.multiplies, self.adds, self.compares)


_SNNTORCH: Final = {
    # v = beta v + x, s = v > threshold
    "Leaky": NeuronArithmetic("leaky", 1, 1, 1, 1),
    "Lapicque": NeuronArithmetic("lapicque", 1, 1, 1, 1),
    # i = alpha i + x, v = beta v + i
    "Synaptic": NeuronArithmetic("synaptic", 2, 2, 1, 2),
    # e = alpha e + x, i = beta i - x, v = tau (e + i)
    "Alpha": NeuronArithmetic("alpha", 3, 3, 1, 2),
    # and the recurrent current
    "RLeaky": NeuronArithmetic("rleaky", 1, 2, 1, 1),
    "RSynaptic": NeuronArithmetic("rsynaptic", 2, 3, 1, 2),
    # the gates are those of the cell inside
    "SLSTM": NeuronArithmetic("slstm", 0, 0, 1, 2),
}
_NORSE: Final = {
    # v = (1 - a) v + i, s = v > threshold, i = (1 - b) i + x
    "LIFCell": NeuronArithmetic("lif", 2, 2, 1, 2),
    "LIF": NeuronArithmetic("lif", 2, 2, 1, 2, leading=2),
    "LIFBoxCell": NeuronArithmetic("lif_box", 1, 1, 1, 1),
    "LICell": NeuronArithmetic("li", 2, 2, 0, 2),
    "LI": NeuronArithmetic("li", 2, 2, 0, 2, leading=2),
    "LIBoxCell": NeuronArithmetic("li_box", 1, 1, 0, 1),
    "IAFCell": NeuronArithmetic("iaf", 0, 1, 1, 1),
    "LIFRecurrentCell": NeuronArithmetic("lif_recurrent", 2, 3, 1, 2, inner=True),
    "LIFRecurrent": NeuronArithmetic("lif_recurrent", 2, 3, 1, 2, leading=2, inner=True),
}
TABLES: Final[dict[str, dict[str, NeuronArithmetic]]] = {"snntorch": _SNNTORCH, "norse": _NORSE}


def neuron_arithmetic(
    module: Any, given: Mapping[type, NeuronArithmetic] | None = None
) -> NeuronArithmetic | None:
    """What an update of `module` costs; None for what is no known neuron.

    given: classes of the user's own, with their subclasses; they come first. Of a framework's
    class, a subclass may do anything, and options may change the equation (a quantized state,
    inhibition): those are not known here, and counted operator by operator.
    """
    for kind in type(module).__mro__:
        if given and kind in given:
            return given[kind]
    kind = type(module)
    package = kind.__module__.partition(".")[0]
    found = TABLES.get(package, {}).get(kind.__name__)
    if found is None or "forward" in vars(module):
        return None
    return _with_options(module, found) if package == "snntorch" else found


def _with_options(module: Any, found: NeuronArithmetic) -> NeuronArithmetic | None:
    if getattr(module, "state_quant", False) or getattr(module, "inhibition", False):
        return None
    reset = int(module.reset_mechanism == "subtract")
    factor = module.graded_spikes_factor
    graded = int(not factor.is_meta and bool((factor != 1).any()))
    return replace(
        found,
        model=f"{found.model} ({module.reset_mechanism})",
        multiplies=found.multiplies + graded,
        adds=found.adds + reset,
    )
