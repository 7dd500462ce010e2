"""The rule of a class whose step is an `Equation`: checks, ports and nodes follow from that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.snntorch import checks
from neurodeploy.frontends.snntorch.circuits import build, membrane_is_readable
from neurodeploy.frontends.snntorch.equations import Equation, ResetForm
from neurodeploy.frontends.snntorch.inhibition import inhibition_problem
from neurodeploy.frontends.tracer.neuron_layers import Cell, Problem, Reset

Shape = tuple[int, ...]


def _no_more(module: Any, where: str, shape: Shape) -> Iterator[Problem]:
    return iter(())


@dataclass(frozen=True)
class EquationRule:
    """`reset_form` names the reset that forward() executes; `parameters` broadcast to the layer.

    equation: of a layer without problems. more: problems that only this class has.
    takes_negative_threshold: whether it is harmless for this reset.
    """

    kind: type[nn.Module]
    states: tuple[str, ...]
    parameters: tuple[str, ...]
    reset_form: Callable[[Any], ResetForm]
    equation: Callable[[Any, Shape], Equation]
    more: Callable[[Any, str, Shape], Iterator[Problem]] = _no_more
    takes_negative_threshold: Callable[[Any], bool] = lambda module: False

    def reset(self, module: Any) -> Reset:
        form = self.reset_form(module)
        delayed = bool(getattr(module, "reset_delay", True))
        return Reset(checks.mechanism_of(module), delayed, loses_step=form == "refractory")

    def problems(self, module: Any, where: str, shape: Shape) -> Sequence[Problem]:
        found = [*checks.shapes(module, self.parameters, where, shape)]
        found += [*checks.firing(module, where), *self.more(module, where, shape)]
        changed = [*checks.changed_reset(module, where)]
        if changed:
            return found + changed
        found += inhibition_problem(module, where, shape, self.reset_form(module))
        if not self.takes_negative_threshold(module):
            found += checks.negative_threshold(module, where, self.reset_form(module))
        if not getattr(module, "reset_delay", True) and self.reset_form(module) != "none":
            found += checks.zero_grade(module, where)
        return found

    def unreadable(self, module: Any, port: str, where: str) -> Diagnostic | None:
        if port == "mem" and not membrane_is_readable(self.reset_form(module)):
            return checks.unreadable_membrane(where)
        return None

    def to_cell(self, module: Any, shape: Shape, dt: float, used: frozenset[str]) -> Cell:
        equation = self.equation(module, shape)
        if module.inhibition and not [*inhibition_problem(module, "", shape, equation.reset)]:
            equation = replace(equation, inhibited=shape[0] > 1, graded=None)
        return build(equation, dt, used)


def usual_reset(module: Any, *, zero_loses_step: bool) -> ResetForm:
    """The reset of a class that has reset_delay: in the step after the spike, or right after it."""
    mechanism = checks.mechanism_of(module)
    delayed = bool(getattr(module, "reset_delay", True))
    if mechanism == "subtract":
        return "subtract" if delayed else "subtract-at-once"
    if mechanism == "zero":
        return "refractory" if delayed and zero_loses_step else "zero"
    return "none"
